import type { Keyring } from '../../src/upstream/keyring.ts'

/** What is asked of a keyring to send a request. */
export type SendingKeyring = Pick<Keyring, 'keysOf' | 'begin'>

/** The configured keys, none of them drained. */
export const KEYRING: SendingKeyring = { keysOf: ({ keys }) => keys, begin: () => () => {} }

/** The configured keys, and a list of what is under way. */
export function countingKeyring (): SendingKeyring & { readonly underWay: string[] } {
  const underWay: string[] = []
  return {
    ...KEYRING,
    underWay,
    begin (upstream, key) {
      const name = `${upstream} ${key}`
      underWay.push(name)
      return () => { underWay.splice(underWay.indexOf(name), 1) }
    }
  }
}
