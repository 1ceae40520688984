import { GatewayError } from '../core/errors.ts'
import { parse } from './validation.ts'
import { ChangeSchema } from './schemas.ts'

export interface Change {
  readonly changes: Readonly<Record<string, unknown>>
  /** @throws GatewayError `conflict` where the change was made from another revision */
  assertRevision (document: { readonly revision: number }): void
}

/** What is to be set, and the revision it was made from if the body says so. @throws GatewayError `invalid_request` */
export function takeRevision (body: unknown): Change {
  const { revision, ...changes } = parse(ChangeSchema, body)
  return {
    changes,
    assertRevision (document) {
      if (revision === undefined || revision === document.revision) return
      throw new GatewayError('conflict', `The revision is ${document.revision} by now.`, { param: 'revision' })
    }
  }
}
