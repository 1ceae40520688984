import type { GatewayError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { errorOfObject } from '../../core/upstream-fault.ts'

/** The error a document is that came as if it were an answer, or undefined. An answer may have an empty `code` beside it. */
export function faultIn (document: JsonObject): GatewayError | undefined {
  if (isObject(document['output'])) return undefined
  const isFault = isObject(document['error']) || isSaid(document['code']) || isSaid(document['message'])
  return isFault ? errorOfObject(document) : undefined
}

function isSaid (value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
