import Type from 'typebox'
import type { TObject, TProperties, TSchema } from 'typebox'
import { TeamIdSchema, TeamSettingsSchema } from '../accounts/account.ts'

export const closed = { additionalProperties: false }

export const TeamParamsSchema = Type.Object({ team: Type.String({ description: 'The id of a team.' }) })
export const KeyParamsSchema = Type.Object({ id: Type.String({ description: 'The id of a key.' }) })

export const NewTeamSchema = Type.Object({ id: TeamIdSchema, ...TeamSettingsSchema.properties }, { ...closed, title: 'NewTeam' })

/** What a change may say beside the settings it changes. */
export const ChangeSchema = Type.Object({
  revision: Type.Optional(Type.Integer({ minimum: 1, description: 'The revision it was made from; another one is a conflict.' }))
})

/**
 * The same with the settings, each of which null takes away. It is for the description: a change is held to what it leads to.
 */
export function changeShown (title: string, settings: TObject): TSchema {
  const nullable = Object.entries(settings.properties).map(([name, schema]) => [name, Type.Optional(orNull(schema))])
  return Type.Object({ ...Object.fromEntries(nullable) as TProperties, ...ChangeSchema.properties }, { ...closed, title })
}

export const PageSchema = Type.Object({
  limit: Type.Optional(Type.String({ pattern: '^([1-9]|[1-9][0-9]|1[0-9][0-9]|200)$', description: '1 to 200; default: 100.' })),
  cursor: Type.Optional(Type.String({ maxLength: 128, description: 'The next_cursor of the page before.' }))
}, closed)

/** A part of a list. */
export function pageReply (item: TSchema): TObject {
  return Type.Object({
    data: Type.Array(item),
    has_more: Type.Boolean(),
    next_cursor: Type.Union([Type.String(), Type.Null()], { description: 'The cursor of the next page; null behind the last.' })
  }, closed)
}

/** A list that comes whole. */
export function listReply (item: TSchema): TObject {
  return Type.Object({ data: Type.Array(item) }, closed)
}

export const InstantSchema = Type.String({ format: 'date-time' })

export function orNull (schema: TSchema): TSchema {
  return Type.Union([schema, Type.Null()])
}

const TOKENS_MAX = 1_000_000_000

export const ExplainSchema = Type.Object({
  team: TeamIdSchema,
  key: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  model: Type.String({ minLength: 1, maxLength: 256 }),
  input_tokens: Type.Optional(Type.Integer({ minimum: 0, maximum: TOKENS_MAX, description: 'Default: 0.' })),
  output_tokens_max: Type.Optional(Type.Integer({ minimum: 1, maximum: TOKENS_MAX, description: 'Default: what the model may give at most.' }))
}, { ...closed, title: 'Question' })
