import { asked } from './records.ts'
import type { ReplyDeps } from './failures.ts'

/** What one command may bring; a small hash comes whole. */
const SCANNED_FIELDS = 1_000

/** A whole hash, a bounded part at a time, so that a large one holds nobody up. @throws GatewayError `store_unavailable` */
export async function scanHash (key: string, deps: ReplyDeps): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>()
  let cursor = '0'
  do {
    const [next, words] = await asked(deps.connection.client.hscanBuffer(key, cursor, 'COUNT', SCANNED_FIELDS), deps)
    // A field may come twice where the hash grows in between.
    for (let at = 0; at < words.length; at += 2) {
      const value = words[at + 1]
      if (value !== undefined) found.set(String(words[at]), value)
    }
    cursor = String(next)
  } while (cursor !== '0')
  return found
}
