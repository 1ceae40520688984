/** What stands in every secret and in every word of a prompt, so that one search finds all of them. */
export const MARK = 'kanari7q'

/** A canary that says where it was put. */
export function canary (place: string): string {
  return `${MARK}-${place}`
}

/** A text as it may lie about, in any case and in the usual encodings. */
function needlesOf (text: string): readonly string[] {
  const bytes = Buffer.from(text)
  // In base64 the same text has three forms, by where it begins; the letters at its ends depend on what stands beside it.
  const base64 = [0, 1, 2].map((before) => Buffer.concat([Buffer.alloc(before), bytes]).toString('base64').slice(before === 0 ? 0 : before + 1, -4))
  return [text.toLowerCase(), bytes.toString('hex'), encodeURIComponent(text).toLowerCase(), ...base64.map((form) => form.toLowerCase())]
}

/** Something that was kept, and under what name. */
export interface Kept { readonly place: string, readonly text: string }

/** Where any of the texts stands that should stand nowhere, with what is around it. */
export function found (kept: readonly Kept[], texts: readonly string[]): string[] {
  const needles = [...new Set(texts.flatMap(needlesOf))]
  return kept.flatMap(({ place, text }) => {
    const lower = text.toLowerCase()
    return needles.filter((needle) => lower.includes(needle)).map((needle) => {
      const at = lower.indexOf(needle)
      return `${needle} in ${place}: ${text.slice(Math.max(0, at - 120), at + 80)}`
    })
  })
}
