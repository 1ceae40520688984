import { createHash, timingSafeEqual } from 'node:crypto'

/** Where the token is kept in the data folder if none is configured. */
export const ADMIN_TOKEN_FILE = 'admin-token'

const TOKEN_CHARACTERS_MIN = 32

/**
 * Tells whether a presented token is the one. Digests are compared, which are of one length, in a time that says nothing.
 * @throws Error for a token that could be guessed
 */
export function createTokenCheck (token: string): (presented: string) => boolean {
  if (token.length < TOKEN_CHARACTERS_MIN) throw new Error(`The admin token must have at least ${TOKEN_CHARACTERS_MIN} characters.`)
  const expected = digestOf(token)
  return (presented) => timingSafeEqual(digestOf(presented), expected)
}

function digestOf (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
