import { GatewayError } from '../core/errors.ts'
import type { Directory } from './directory.ts'

const FIRST_TEAM_ID = 'default'
const FIRST_KEY_ID = 'bootstrap'
/** Replicas that start together write the same thing at the same time; whoever comes second finds it done. */
const TRIES_MAX = 5

export interface FirstKey {
  readonly digest: string
  /** Its digest under the previous pepper, while there is one. */
  readonly previousDigest?: string | undefined
  /**
   * One that an operator has configured is wanted, whatever was there. One that a gateway has made for itself is for the
   * first request of all: where there are accounts already, or were, nobody waits for it.
   */
  readonly origin: 'configured' | 'made'
}

/**
 * Makes sure that the key of the first request is known, under the id `bootstrap` in the team `default`: another one under
 * that id is replaced. A key that is known under any other id is left as it is.
 * @throws GatewayError `store_unavailable`
 */
export async function ensureFirstKey (directory: Directory, key: FirstKey): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await writeFirstKey(directory, key)
    } catch (caught) {
      if (!(caught instanceof GatewayError) || caught.kind !== 'conflict' || tries === TRIES_MAX) throw caught
      await directory.catchUp()
    }
  }
}

async function writeFirstKey (directory: Directory, { digest, previousDigest, origin }: FirstKey): Promise<void> {
  if (directory.findByDigest(digest) !== undefined) return
  const before = previousDigest === undefined ? undefined : directory.findByDigest(previousDigest)
  if (before !== undefined && previousDigest !== undefined) {
    await directory.repepper({ kind: 'key', id: before.key.id }, { from: previousDigest, to: digest })
    return
  }
  if (origin === 'made' && directory.teams().length > 0) return
  const key = directory.key(FIRST_KEY_ID)
  if (key !== undefined) {
    await directory.rotateKey(key, { digest, graceMs: 0 }, undefined)
    return
  }
  if (directory.team(FIRST_TEAM_ID) === undefined) await directory.createTeam(FIRST_TEAM_ID, {}, undefined)
  await directory.createKey({ id: FIRST_KEY_ID, team: FIRST_TEAM_ID, digest, settings: {} }, undefined)
}
