import { isUtf8 } from 'node:buffer'
import { GatewayError } from './errors.ts'

/** A number JavaScript cannot hold, kept as the text it was sent as; `JSON.stringify` writes that text back. */
export interface RawNumber { readonly rawJSON: string }

export type JsonValue = null | boolean | number | string | RawNumber | readonly JsonValue[] | JsonObject
export interface JsonObject { readonly [key: string]: JsonValue | undefined }

/** The JSON.rawJSON proposal, in V8 since Node 21 and not yet in TypeScript's library. */
interface JsonWithRaw {
  rawJSON (text: string): RawNumber
  isRawJSON (value: unknown): value is RawNumber
  parse (text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown
}
const RAW = JSON as unknown as JsonWithRaw

/** Only a literal of sixteen digits, perhaps with a point among them, or with a three-digit exponent can lose its value. */
const MAY_LOSE_DIGITS = /[\d.]{16}|[eE][+-]?\d{3}/

/**
 * `JSON.parse` that keeps every whole number exact, and what no double can hold at all. A fraction becomes the double
 * nearest to it, as everywhere in JSON. Throws SyntaxError, and RangeError where a text with such numbers is nested too deep.
 */
export function parseJson (text: string): JsonValue {
  if (!MAY_LOSE_DIGITS.test(text)) return JSON.parse(text) as JsonValue
  return RAW.parse(text, (_key, value, context) => {
    if (typeof value !== 'number' || context.source === undefined || !MAY_LOSE_DIGITS.test(context.source)) return value
    const isExact = Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value))
    return isExact ? value : RAW.rawJSON(context.source)
  }) as JsonValue
}

/** As `parseJson`, for bytes from an upstream: undefined where they are no JSON object. */
export function parseJsonObject (bytes: Buffer | string): JsonObject | undefined {
  try {
    const value = parseJson(typeof bytes === 'string' ? bytes : bytes.toString('utf8'))
    return isObject(value) ? value : undefined
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof RangeError) return undefined
    throw cause
  }
}

/** A number with just these digits. @throws SyntaxError where they are none */
export function rawNumber (digits: string): RawNumber {
  return RAW.rawJSON(digits)
}

export function isRawNumber (value: unknown): value is RawNumber {
  return RAW.isRawJSON(value)
}

export function isObject (value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value)
}

export function objectAt (object: JsonObject | undefined, key: string): JsonObject | undefined {
  const value = object?.[key]
  return isObject(value) ? value : undefined
}

export function arrayAt (object: JsonObject | undefined, key: string): readonly JsonValue[] | undefined {
  const value = object?.[key]
  return Array.isArray(value) ? value : undefined
}

export function stringAt (object: JsonObject | undefined, key: string): string | undefined {
  const value = object?.[key]
  return typeof value === 'string' ? value : undefined
}

export function numberAt (object: JsonObject | undefined, key: string): number | undefined {
  const value = object?.[key]
  return typeof value === 'number' ? value : undefined
}

/** Decodes text strictly: bytes that are not UTF-8 are refused rather than replaced by U+FFFD. */
export function decodeUtf8 (bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new GatewayError('invalid_request', 'The request body is not valid UTF-8.')
  return bytes.toString('utf8')
}

/** A copy of `object` without the keys named and without the ones that are undefined. */
export function withoutKeys (object: JsonObject, keys: ReadonlySet<string>): Record<string, JsonValue> {
  const rest: Record<string, JsonValue> = {}
  for (const [key, value] of Object.entries(object)) if (value !== undefined && !keys.has(key)) rest[key] = value
  return rest
}
