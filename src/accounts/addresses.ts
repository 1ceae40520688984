import { BlockList, isIP } from 'node:net'

interface Network { readonly address: string, readonly family: 'ipv4' | 'ipv6', readonly prefixBits: number }

/** Network lists by the setting they were made of, which is never changed, only replaced. */
const compiled = new WeakMap<readonly string[], BlockList>()

/** Whether a list of addresses and networks holds an address. No list holds all. */
export function allowsAddress (allowed: readonly string[] | undefined, address: string | undefined): boolean {
  if (allowed === undefined) return true
  // A link-local address names its interface behind a percent sign.
  const bare = address?.replace(/%.*$/, '') ?? ''
  const version = isIP(bare)
  if (version === 0) return false
  let networks = compiled.get(allowed)
  if (networks === undefined) compiled.set(allowed, networks = networksOf(allowed))
  // An IPv4 address that arrives on an IPv6 socket (::ffff:10.0.0.1) is found in IPv4 networks too.
  return networks.check(bare, version === 4 ? 'ipv4' : 'ipv6')
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address; undefined where the text is none of them. */
export function parseNetwork (text: string): Network | undefined {
  const [, address = '', prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address)
  if (version === 0 || address.includes('%')) return undefined
  const bits = version === 4 ? 32 : 128
  const prefixBits = prefix === undefined ? bits : Number(prefix)
  return prefixBits <= bits ? { address, family: version === 4 ? 'ipv4' : 'ipv6', prefixBits } : undefined
}

function networksOf (allowed: readonly string[]): BlockList {
  const networks = new BlockList()
  for (const text of allowed) {
    const network = parseNetwork(text)
    if (network !== undefined) networks.addSubnet(network.address, network.prefixBits, network.family)
  }
  return networks
}
