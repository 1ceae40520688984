const CHARACTERS_MIN = 32
const DIFFERENT_CHARACTERS_MIN = 8
/** 32 random hexadecimal digits have more than 100, counted by how often each digit comes. */
const ENTROPY_BITS_MIN = 80

/** What people leave standing in an example: `changeme…`, `your-admin-token…`, `<token>`. */
const PLACEHOLDER = /change[-_ ]?(?:me|this|it)|your[-_ ]|replace[-_ ]?(?:me|this|it|with)|placeholder|example|insert[-_ ]|default|<[^>]*>|\$\{/i

/**
 * Why a secret that somebody has chosen could be guessed, as the rest of a sentence; undefined where nothing speaks against
 * it. It must have 32 characters, of which 8 differ; be no placeholder, no shorter text again and again, and no run along the
 * alphabet, the digits or the keyboard; and its characters must be spread as widely as 80 bits take.
 */
export function weaknessOf (secret: string): string | undefined {
  if (secret.length < CHARACTERS_MIN) return `must have at least ${CHARACTERS_MIN} characters`
  if (PLACEHOLDER.test(secret)) return 'looks like a placeholder; set one of your own, such as from "openssl rand -base64 32"'
  if (new Set(secret).size < DIFFERENT_CHARACTERS_MIN) return `has fewer than ${DIFFERENT_CHARACTERS_MIN} different characters`
  if (isRepetition(secret)) return 'is a shorter text again and again'
  if (isRun(secret)) return 'follows the alphabet, the digits or the keyboard'
  return entropyBits(secret) < ENTROPY_BITS_MIN ? 'is not random enough; take one from "openssl rand -base64 32"' : undefined
}

/** Whether it goes on as it began, from its middle on at the latest. The last time may be cut short. */
function isRepetition (text: string): boolean {
  for (let period = 1; period <= text.length / 2; period++) if (text.startsWith(text.slice(period))) return true
  return false
}

/** Orders in which people type without thinking. */
const ORDERS = ['0123456789', 'abcdefghijklmnopqrstuvwxyz', 'qwertyuiopasdfghjklzxcvbnm']

/** Whether more than half of its characters are the one before or stand beside it in one of these orders. */
function isRun (text: string): boolean {
  const characters = [...text.toLowerCase()]
  const neighbours = characters.filter((character, place) => place > 0 && areNeighbours(character, characters[place - 1] ?? ''))
  return neighbours.length > text.length / 2
}

function areNeighbours (a: string, b: string): boolean {
  return a === b || ORDERS.some((order) => order.includes(a + b) || order.includes(b + a))
}

/** Shannon's, of characters drawn as often as they are in the text. */
function entropyBits (text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  return [...counts.values()].reduce((bits, count) => bits + count * Math.log2(text.length / count), 0)
}
