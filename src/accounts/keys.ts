import { createHmac } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** A new client key: `sk-dg-<id>-<secret><checksum>`. The id is public and names the key in every record. */
export interface NewSecret { readonly id: string, readonly secret: string }

const KEY = /^sk-dg-([a-z0-9]{8})-([A-Za-z0-9]{43})([0-9a-f]{8})$/
const ID_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789'
const SECRET_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const ID_CHARACTERS = 8
/** 43 characters of 62 are 256 bits. */
const SECRET_CHARACTERS = 43

/** A key of `sk-dg-` form. @param randomInt a whole number in [0, below), from a cryptographic source */
export function createClientKey (randomInt: (below: number) => number): NewSecret {
  const id = randomText(ID_ALPHABET, ID_CHARACTERS, randomInt)
  const secret = randomText(SECRET_ALPHABET, SECRET_CHARACTERS, randomInt)
  return { id, secret: `sk-dg-${id}-${secret}${checksum(id + secret)}` }
}

/** False for a key of our form that was mistyped or cut: it is refused without asking the store. Other forms may exist. */
export function isWellFormed (presented: string): boolean {
  if (!presented.startsWith('sk-dg-')) return true
  const match = KEY.exec(presented)
  return match !== null && checksum(`${match[1]}${match[2]}`) === match[3]
}

/** What the store knows of a key. Keys carry 256 random bits, so a fast keyed hash is as good as a slow one. */
export function keyDigest (pepper: string, presented: string): string {
  return createHmac('sha256', pepper).update(presented).digest('base64url')
}

function randomText (alphabet: string, characters: number, randomInt: (below: number) => number): string {
  let text = ''
  for (let place = 0; place < characters; place++) text += alphabet[randomInt(alphabet.length)]
  return text
}

function checksum (text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
