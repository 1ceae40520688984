import { instantMs } from '../core/instant.ts'

/** Whether a time that was set as a text has come, with each text read once for its document. */
export function createExpiries<Document extends object> (
  textOf: (document: Document) => string | undefined
): (document: Document, nowMs: number) => boolean {
  const known = new WeakMap<Document, number>()
  return (document, nowMs) => {
    const text = textOf(document)
    if (text === undefined) return false
    let expiryMs = known.get(document)
    // A time that cannot be read is refused when it is set; should one get here, its owner is dead rather than immortal.
    if (expiryMs === undefined) known.set(document, expiryMs = instantMs(text) ?? 0)
    return nowMs >= expiryMs
  }
}
