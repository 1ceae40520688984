import { createHmac } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** A new secret: `<prefix>-<id>-<secret><checksum>`. The id is public and names its owner in every record. */
export interface NewSecret { readonly id: string, readonly secret: string }

/** @param below one more than the largest number wanted; from a cryptographic source */
export type RandomInt = (below: number) => number

const CLIENT_KEY_PREFIX = 'sk-dg'
const ADMIN_TOKEN_PREFIX = 'dga'
/** Ids of keys that were given otherwise are longer than ours. */
const FORM = /^(sk-dg|dga)-([a-z0-9]{8,16})-([A-Za-z0-9]{43})([0-9a-f]{8})$/
const ID_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789'
const SECRET_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const ID_CHARACTERS = 8
/** 43 characters of 62 are 256 bits. */
const SECRET_CHARACTERS = 43

/** A client key. @param id of a key that gets another secret */
export function createClientKey (randomInt: RandomInt, id?: string): NewSecret {
  return newSecret(CLIENT_KEY_PREFIX, randomInt, id)
}

/** A token of the admin API. */
export function createAdminToken (randomInt: RandomInt): NewSecret {
  return newSecret(ADMIN_TOKEN_PREFIX, randomInt)
}

/** Whether a text is to be taken for a token that was made by the admin API. */
export function isAdminTokenForm (presented: string): boolean {
  return presented.startsWith(`${ADMIN_TOKEN_PREFIX}-`)
}

/** Whether a text is to be taken for a client key of ours. */
export function isClientKeyForm (presented: string): boolean {
  return presented.startsWith(`${CLIENT_KEY_PREFIX}-`)
}

/** False for a secret of our form that was mistyped or cut: it is refused without asking the store. Other forms may exist. */
export function isWellFormed (presented: string): boolean {
  if (!isClientKeyForm(presented) && !isAdminTokenForm(presented)) return true
  const match = FORM.exec(presented)
  return match !== null && checksum(`${match[2]}${match[3]}`) === match[4]
}

/** What the store knows of a secret. Secrets carry 256 random bits, so a fast keyed hash is as good as a slow one. */
export function keyDigest (pepper: string, presented: string): string {
  return createHmac('sha256', pepper).update(presented).digest('base64url')
}

function newSecret (prefix: string, randomInt: RandomInt, givenId?: string): NewSecret {
  const id = givenId ?? randomText(ID_ALPHABET, ID_CHARACTERS, randomInt)
  const secret = randomText(SECRET_ALPHABET, SECRET_CHARACTERS, randomInt)
  return { id, secret: `${prefix}-${id}-${secret}${checksum(id + secret)}` }
}

function randomText (alphabet: string, characters: number, randomInt: RandomInt): string {
  let text = ''
  for (let place = 0; place < characters; place++) text += alphabet[randomInt(alphabet.length)]
  return text
}

function checksum (text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
