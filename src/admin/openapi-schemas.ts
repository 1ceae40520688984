import type { TSchema } from 'typebox'
import { isObject } from '../core/json.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'

/** Schemas by their titles. */
export type Schemas = Map<string, JsonObject>

/**
 * A schema as a document has it: every part with a title stands once, among the others' schemas, and is referred to.
 * @throws Error where two that differ have one title
 */
export function hoisted (schema: TSchema, schemas: Schemas): JsonObject {
  return hoist(JSON.parse(JSON.stringify(schema)) as JsonObject, schemas)
}

function hoist (schema: JsonObject, schemas: Schemas): JsonObject {
  const { title, ...rest } = schema
  const members = Object.entries(rest).map(([name, value]) => [name, hoistedIn(value, schemas)])
  const plain = Object.fromEntries(members) as JsonObject
  if (typeof title !== 'string') return plain
  const known = schemas.get(title)
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(plain)) throw new Error(`two schemas have the title ${title}`)
  schemas.set(title, plain)
  return { $ref: `#/components/schemas/${title}` }
}

function hoistedIn (value: JsonValue | undefined, schemas: Schemas): JsonValue | undefined {
  if (Array.isArray(value)) return value.map((item: JsonValue) => hoistedIn(item, schemas) ?? null)
  return isObject(value) ? hoist(value, schemas) : value
}
