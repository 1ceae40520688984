import Type from 'typebox'
import { TeamIdSchema, TeamSettingsSchema } from '../accounts/account.ts'

const closed = { additionalProperties: false }

export const NewTeamSchema = Type.Object({ id: TeamIdSchema, ...TeamSettingsSchema.properties }, closed)

/** What a change may say beside the settings it changes. */
export const ChangeSchema = Type.Object({
  revision: Type.Optional(Type.Integer({ minimum: 1, description: 'The revision it was made from; another one is a conflict.' }))
})

export const PageSchema = Type.Object({
  limit: Type.Optional(Type.String({ pattern: '^([1-9]|[1-9][0-9]|1[0-9][0-9]|200)$', description: '1 to 200; default: 100.' })),
  cursor: Type.Optional(Type.String({ maxLength: 128 }))
}, closed)

const TOKENS_MAX = 1_000_000_000

export const ExplainSchema = Type.Object({
  team: TeamIdSchema,
  key: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  model: Type.String({ minLength: 1, maxLength: 256 }),
  input_tokens: Type.Optional(Type.Integer({ minimum: 0, maximum: TOKENS_MAX, description: 'Default: 0.' })),
  output_tokens_max: Type.Optional(Type.Integer({ minimum: 1, maximum: TOKENS_MAX, description: 'Default: what the model may give at most.' }))
}, closed)
