import type { Static } from 'typebox'
import { GatewayError } from '../core/errors.ts'
import type { ChangeSchema } from './schemas.ts'

export interface Change {
  readonly changes: Readonly<Record<string, unknown>>
  /** @throws GatewayError `conflict` where the change was made from another revision */
  assertRevision (document: { readonly revision: number }): void
}

/** What is to be set, and the revision it was made from if the body says so. */
export function takeRevision ({ revision, ...changes }: Static<typeof ChangeSchema>): Change {
  return {
    changes,
    assertRevision (document) {
      if (revision === undefined || revision === document.revision) return
      throw new GatewayError('conflict', `The revision is ${document.revision} by now.`, { param: 'revision' })
    }
  }
}
