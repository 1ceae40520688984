import type { Protocol } from '../core/protocol.ts'

/** The protocol in whose words a URL is answered, known route or not: the longest matching prefix wins. */
export function protocolFor (url: string, protocols: readonly Protocol[]): Protocol {
  const path = pathOf(url)
  let best: Protocol | undefined
  let bestLength = -1
  for (const protocol of protocols) {
    for (const prefix of protocol.surface.prefixes) {
      if (path.startsWith(prefix) && prefix.length > bestLength) {
        best = protocol
        bestLength = prefix.length
      }
    }
  }
  if (best === undefined) throw new TypeError('some protocol must answer every path')
  return best
}

/** A URL's path as the router sees it: without origin and query, slashes neither doubled nor trailing. */
export function pathOf (url: string): string {
  const [path = ''] = url.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/, 1)
  return `/${path.split('/').filter((segment) => segment !== '').join('/')}`
}
