import { GatewayError } from '../core/errors.ts'
import { recoded } from '../accounts/upstream-changes.ts'
import type { Directory } from '../accounts/directory.ts'
import type { UpstreamDocument } from '../accounts/account.ts'
import type { Vault } from './vault.ts'

/** Replicas that start together do the same at the same time; whoever comes second finds it done. */
const TRIES_MAX = 5

type Documents = Pick<Directory, 'upstreams' | 'putUpstream' | 'catchUp'>

/**
 * Encrypts stored keys with the current secret that are encrypted with the previous one. What neither opens stays as it is.
 * @throws GatewayError `store_unavailable`
 */
export async function reencryptStoredKeys (directory: Documents, vault: Vault): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    try {
      for (const upstream of directory.upstreams()) await reencrypt(upstream, directory, vault)
      return
    } catch (caught) {
      if (!(caught instanceof GatewayError) || caught.kind !== 'conflict') throw caught
      await directory.catchUp()
    }
  }
}

async function reencrypt (upstream: UpstreamDocument, directory: Documents, vault: Vault): Promise<void> {
  const draft = recoded(upstream, (stored) => {
    const opened = vault.open(upstream.id, stored)
    return opened.key !== undefined && opened.sealedWith === 'previous' ? vault.seal(upstream.id, opened.key).cipher : undefined
  })
  if (draft !== undefined) await directory.putUpstream(draft, undefined)
}
