/** A host that can be put into a URL and called from this machine: the address for "all of them" is none to call. */
export function reachableHost (host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

export function reachableUrl (url: string): string {
  const reachable = new URL(url)
  reachable.hostname = reachableHost(reachable.hostname.replace(/^\[(.*)\]$/, '$1'))
  return reachable.origin
}
