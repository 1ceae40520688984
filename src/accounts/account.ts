import Type from 'typebox'
import type { Static } from 'typebox'
import { ID_PATTERN, limitSettings } from './limit-settings.ts'

/** What a team does while its limits cannot be asked for: refuse, spend what was set aside, guess locally, or let all through. */
export const ON_STORE_DOWN = ['deny', 'escrow', 'shadow', 'allow'] as const

/** What is set of a team, as the admin API takes it and shows it. */
export const TeamSettingsSchema = Type.Object({
  name: Type.Optional(Type.String({ description: 'For people.', maxLength: 128 })),
  ...limitSettings,
  on_store_down: Type.Optional(Type.Enum([...ON_STORE_DOWN], { description: 'Default: deny.' })),
  shadow_cap: Type.Optional(Type.Integer({
    description: 'Under on_store_down: shadow, most tokens that one replica lets through without asking.', minimum: 0, maximum: 1_000_000_000
  }))
}, { additionalProperties: false })

export const KeySettingsSchema = Type.Object({
  name: Type.Optional(Type.String({ description: 'For people.', maxLength: 128 })),
  expires_at: Type.Optional(Type.String({ description: 'ISO 8601 time from which the key is dead.', maxLength: 64 })),
  ...limitSettings
}, { additionalProperties: false })

export type TeamSettings = Static<typeof TeamSettingsSchema>
export type KeySettings = Static<typeof KeySettingsSchema>

export const TeamIdSchema = Type.String({ pattern: ID_PATTERN })

/** A tenant. Documents are never changed, only replaced by one of a higher revision. */
export interface Team {
  readonly id: string
  readonly settings: TeamSettings
  readonly createdMs: number
  /** Counts from 1. A write names the revision it was made from, so that two writers cannot undo each other unseen. */
  readonly revision: number
}

/** A client key of a team. The secret itself is nowhere. */
export interface ClientKey {
  /** Public; names the key in every record. */
  readonly id: string
  readonly team: string
  readonly digest: string
  readonly settings: KeySettings
  readonly createdMs: number
  readonly revision: number
}
