import type { Static, TObject, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import type { TLocalizedValidationError } from 'typebox/error'
import { checkSettings } from '../accounts/checks.ts'
import { GatewayError } from '../core/errors.ts'
import type { KeySettings, TeamSettings } from '../accounts/account.ts'
import type { SettingsFault } from '../accounts/checks.ts'

/** Only rates are unions. */
const NO_RATE = 'must be a whole number or an object'
const FAULTS_SHOWN_MAX = 20
const FIELD_CHARACTERS_MAX = 128

/** The value as what the schema says it is. @throws GatewayError `invalid_request` with everything that is wrong */
export function parse<S extends TSchema> (schema: S, value: unknown): Static<S> {
  const errors = Value.Errors(schema, value)
  const alternatives = errors.filter((error) => error.keyword === 'anyOf')
  const faults = errors.flatMap((error) => faultsOf(error, errors, alternatives))
  if (errors.length > 0) throw invalidFields(faults)
  return value as Static<S>
}

/** A copy with the given members in the place of its own; null takes one away. @throws GatewayError `invalid_request` */
export function patched<S extends TObject> (schema: S, current: Static<S>, patch: Readonly<Record<string, unknown>>): Static<S> {
  const unknown = Object.keys(patch).filter((name) => !Object.hasOwn(schema.properties, name))
  if (unknown.length > 0) throw invalidFields(unknown.map((field) => ({ field, message: 'is not known' })))
  const entries = Object.entries({ ...current as object, ...patch }).filter(([, value]) => value !== null)
  return parse(schema, Object.fromEntries(entries))
}

/** @throws GatewayError `invalid_request` with everything that no schema can say */
export function assertSound (settings: TeamSettings | KeySettings, before?: TeamSettings | KeySettings): void {
  const faults = checkSettings(settings, before)
  if (faults.length > 0) throw invalidFields(faults)
}

/** One error for all of them; its field is the first one's. '' is the body itself. */
function invalidFields (faults: readonly SettingsFault[]): GatewayError {
  const named = (field: string): string => field.slice(0, FIELD_CHARACTERS_MAX)
  const texts = faults.slice(0, FAULTS_SHOWN_MAX).map(({ field, message }) => `${field === '' ? 'the body' : named(field)} ${message}`)
  if (faults.length > texts.length) texts.push(`and ${faults.length - texts.length} more`)
  return new GatewayError('invalid_request', `${texts.join('; ')}.`, { param: named(faults[0]?.field ?? '') || undefined })
}

type SchemaError = TLocalizedValidationError

function faultsOf (error: SchemaError, errors: readonly SchemaError[], alternatives: readonly SchemaError[]): SettingsFault[] {
  const field = fieldOf(error.instancePath)
  if (error.keyword === 'boolean') return [{ field, message: 'is not known' }]
  // The error `boolean` of each unknown member says the same.
  if (error.keyword === 'additionalProperties') return []
  if (error.keyword === 'anyOf') return hasCloserError(error, errors) ? [] : [{ field, message: NO_RATE }]
  if (alternatives.some((parent) => isOfWrongType(error, parent))) return []
  if (error.keyword === 'required') {
    return (error.params as { requiredProperties: string[] }).requiredProperties
      .map((name) => ({ field: field === '' ? name : `${field}.${name}`, message: 'is required' }))
  }
  return [{ field, message: messageOf(error) }]
}

/** Of the alternatives of a union only the one of the value's own type has anything useful to say. */
function isOfWrongType (error: SchemaError, parent: SchemaError): boolean {
  return error.keyword === 'type' && error.instancePath === parent.instancePath && isWithin(error, parent)
}

function hasCloserError (parent: SchemaError, errors: readonly SchemaError[]): boolean {
  return errors.some((error) => isWithin(error, parent) && !isOfWrongType(error, parent))
}

function isWithin (error: SchemaError, parent: SchemaError): boolean {
  return error.schemaPath.startsWith(`${parent.schemaPath}/anyOf/`) &&
    (error.instancePath === parent.instancePath || error.instancePath.startsWith(`${parent.instancePath}/`))
}

const TYPES: ReadonlyMap<unknown, string> = new Map([
  ['string', 'a text'], ['integer', 'a whole number'], ['number', 'a number'], ['boolean', 'true or false'], ['array', 'a list'], ['object', 'an object']
])

function messageOf ({ keyword, params, message }: SchemaError): string {
  const { allowedValues, limit, type } = params as Readonly<Record<string, unknown>>
  if (keyword === 'type') return `must be ${TYPES.get(type) ?? String(type)}`
  if (keyword === 'enum') return `must be one of ${(allowedValues as unknown[]).join(', ')}`
  if (keyword === 'minimum') return `must be at least ${Number(limit)}`
  if (keyword === 'maximum') return `must be at most ${Number(limit)}`
  return message
}

/** `/budgets/0/time_zone` → `budgets[0].time_zone`. */
function fieldOf (pointer: string): string {
  return pointer.slice(1).split('/').reduce((text, step) => {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    if (/^\d+$/.test(name)) return `${text}[${name}]`
    return text === '' ? name : `${text}.${name}`
  }, '')
}
