import { Settings } from 'typebox/system'
import { Value } from 'typebox/value'
import type { TLocalizedValidationError } from 'typebox/error'
import { CURRENCY_PATTERN } from './model-schema.ts'
import { DURATION_PATTERN } from './scalars.ts'
import { NAME_PATTERN, SECRET_PATTERN } from './upstream-schema.ts'
import { ConfigSchema } from './schema.ts'
import type { Config } from './schema.ts'
import type { Path } from './problems.ts'

const FAULTS_MAX = 1_000

const PATTERN_MESSAGES: ReadonlyMap<string, string> = new Map([
  [DURATION_PATTERN, 'must be a duration such as 500ms, 5s, 10m or 2h'],
  [NAME_PATTERN, 'must be a name: 1 to 128 letters, digits and . _ : / @ -, the first a letter or digit'],
  [SECRET_PATTERN, 'must be printable ASCII without spaces, as it is sent in a header'],
  [CURRENCY_PATTERN, 'must be a currency code such as CNY']
])

const TYPE_MESSAGES: ReadonlyMap<string, string> = new Map([
  ['string', 'must be a text'],
  ['integer', 'must be a whole number'],
  ['number', 'must be a number'],
  ['boolean', 'must be true or false'],
  ['array', 'must be a list'],
  ['object', 'must be a mapping']
])

/** What is wrong with a value, by its path; `at` is the key where the key itself is at fault. */
export interface Fault { readonly path: Path, readonly message: string, readonly at: 'key' | 'value' }

/** The value with its defaults, and everything the schema finds wrong with it. Only a value without faults is a Config. */
export function applySchema (value: unknown): { readonly config: Config, readonly faults: readonly Fault[] } {
  const withDefaults = Value.Default(ConfigSchema, structuredClone(value))
  // TypeBox reports eight errors unless told otherwise, for the whole process; a file's author wants all of them.
  Settings.Set({ maxErrors: FAULTS_MAX })
  const errors = Value.Errors(ConfigSchema, withDefaults)
  const alternatives = errors.filter((error) => error.keyword === 'anyOf')
  const faults = errors.flatMap((error) => faultsOf(error, errors, alternatives))
  return { config: withDefaults as Config, faults }
}

type SchemaError = TLocalizedValidationError

function faultsOf (error: SchemaError, errors: readonly SchemaError[], alternatives: readonly SchemaError[]): Fault[] {
  const path = pathFrom(error.instancePath)
  // The error `additionalProperties` next to it says the same once more.
  if (error.keyword === 'boolean') return [{ path, message: 'is not a setting', at: 'key' }]
  if (error.keyword === 'additionalProperties') return []
  if (error.keyword === 'anyOf') return hasCloserError(error, errors) ? [] : [{ path, message: typesMessage(error, errors), at: 'value' }]
  if (alternatives.some((parent) => isOfWrongType(error, parent))) return []
  if (error.keyword === 'required') {
    return (error.params as { requiredProperties: string[] }).requiredProperties
      .map((name) => ({ path: [...path, name], message: 'is required', at: 'value' }))
  }
  return [{ path, message: messageOf(error), at: 'value' }]
}

/** Of the alternatives of a union only the one of the value's own type has anything useful to say. */
function isOfWrongType (error: SchemaError, parent: SchemaError): boolean {
  return error.keyword === 'type' && error.instancePath === parent.instancePath && error.schemaPath.startsWith(`${parent.schemaPath}/anyOf/`)
}

function hasCloserError (parent: SchemaError, errors: readonly SchemaError[]): boolean {
  return errors.some((error) => error.schemaPath.startsWith(`${parent.schemaPath}/anyOf/`) &&
    isAtOrBelow(error.instancePath, parent.instancePath) && !isOfWrongType(error, parent))
}

/** Every alternative is of another type, and the value is of none of them. */
function typesMessage (parent: SchemaError, errors: readonly SchemaError[]): string {
  const messages = errors.filter((error) => isOfWrongType(error, parent)).map(messageOf)
  return messages.map((message, index) => index === 0 ? message : message.replace('must be ', '')).join(' or ')
}

function isAtOrBelow (path: string, parent: string): boolean {
  return path === parent || path.startsWith(`${parent}/`)
}

function messageOf ({ keyword, params, message }: SchemaError): string {
  const { allowedValues, pattern, limit, type } = params as Readonly<Record<string, unknown>>
  if (keyword === 'enum') return `must be one of ${(allowedValues as unknown[]).join(', ')}`
  if (keyword === 'pattern') return PATTERN_MESSAGES.get(String(pattern)) ?? `must match ${String(pattern)}`
  if (keyword === 'type') return TYPE_MESSAGES.get(String(type)) ?? message
  if (keyword === 'minLength' || keyword === 'minItems') return limit === 1 ? 'must not be empty' : `must have at least ${Number(limit)} characters`
  if (keyword === 'maxLength') return `must have at most ${Number(limit)} characters`
  if (keyword === 'maxItems') return `must have at most ${Number(limit)} entries`
  if (keyword === 'minimum') return `must be at least ${Number(limit)}`
  if (keyword === 'maximum') return `must be at most ${Number(limit)}`
  return message
}

/** `/models/0/name` → `['models', 0, 'name']`; no key of ours is a number. */
function pathFrom (pointer: string): Path {
  if (pointer === '') return []
  return pointer.slice(1).split('/').map((step) => /^\d+$/.test(step) ? Number(step) : step.replaceAll('~1', '/').replaceAll('~0', '~'))
}
