import { createHash } from 'node:crypto'

const ID_CHARACTERS = 12

/** What an upstream's key is called where it must not be shown: keys are long and random, so this tells nothing of one. */
export function upstreamKeyId (key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, ID_CHARACTERS)
}
