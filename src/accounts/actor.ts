import type { Role } from './account.ts'

/** Who writes through the admin API, as the audit log names him. */
export interface Actor {
  /** The id of his token, or `root` for the one that is configured. */
  readonly id: string
  readonly role: Role
  /** The team that a lead sees to. */
  readonly team?: string | undefined
  readonly address: string | undefined
  readonly requestId: string
}
