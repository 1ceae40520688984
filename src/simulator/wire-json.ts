/** A JSON object off the wire. */
export type JsonObject = Record<string, unknown>

const SEED_DIGITS_MAX = 400

/** V8 hands revivers the source text of a number; TypeScript's library does not say so yet. */
type ParseWithSource = (text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown) => unknown

/** `JSON.parse` that reads a `seed` no double can hold as a bigint, so that 64-bit seeds can be judged. Throws SyntaxError. */
export function parseWireJson (text: string): unknown {
  return (JSON.parse as ParseWithSource)(text, (key, value, { source }) => {
    if (key !== 'seed' || source === undefined || Number.isSafeInteger(value)) return value
    return /^-?\d+$/.test(source) && source.length <= SEED_DIGITS_MAX ? BigInt(source) : value
  })
}

export function isObject (value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The member as an object, or an empty one. */
export function objectAt (object: JsonObject, key: string): JsonObject {
  const value = object[key]
  return isObject(value) ? value : {}
}

/** The member as an array, or an empty one. */
export function arrayAt (object: JsonObject, key: string): readonly unknown[] {
  const value = object[key]
  return Array.isArray(value) ? value : []
}

export function stringAt (object: JsonObject, key: string): string | undefined {
  const value = object[key]
  return typeof value === 'string' ? value : undefined
}
