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
}, { additionalProperties: false, title: 'KeySettings' })

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
  /** Secrets from before a rotation, the latest first. Those whose time is over go with the next rotation. */
  readonly former: readonly FormerSecret[]
  readonly settings: KeySettings
  readonly createdMs: number
  readonly revision: number
}

/** A secret that lets in until its time, as the store's clock has it. */
export interface FormerSecret { readonly digest: string, readonly untilMs: number }

/** Most former secrets of a key that may live at the same time: each is looked for among all digests. */
export const FORMER_SECRETS_MAX = 8

/** What a holder of an admin token may do: everything, see to one team, or read. */
export const ROLES = ['admin', 'team', 'viewer'] as const

export type Role = typeof ROLES[number]

/** A token of the admin API. It is never changed, but for its digest when the pepper is. */
export interface AdminToken {
  readonly id: string
  readonly role: Role
  /** The team that a lead sees to. */
  readonly team?: string | undefined
  readonly name?: string | undefined
  readonly digest: string
  readonly createdMs: number
  /** ISO 8601 time from which the token is dead. */
  readonly expiresAt?: string | undefined
  readonly revision: number
}

/** What is set of an upstream through the admin API, beside its configuration. Its id is the upstream's name. */
export interface UpstreamDocument {
  readonly id: string
  /** Nothing new is sent there. */
  readonly isDrained: boolean
  /** Keys, by id and wherever they come from, with which nothing new is sent. */
  readonly drainedKeys: readonly string[]
  readonly keys: readonly StoredKey[]
  readonly revision: number
}

/** An upstream's key, encrypted. */
export interface StoredKey {
  /** The key's fingerprint. */
  readonly id: string
  readonly cipher: string
  readonly weight: number
  readonly workspace?: string | undefined
  readonly createdMs: number
}
