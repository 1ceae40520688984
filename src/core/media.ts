/**
 * Media a client names is fetched by the upstream, inside the upstream's network. Addresses that could only be meant to
 * reach somebody's private side are refused here; the gateway itself never opens one.
 */
const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'oss:', 'data:'])
const DATA_URL = /^data:[a-z0-9.+/-]{0,100}(?:;[a-z0-9=._-]{1,100}){0,4};base64,([A-Za-z0-9+/]*={0,2})$/i
const PRIVATE_NAME = /(?:^|\.)(?:localhost|internal|local|metadata\.google)$/

/** The reason a media URL is refused, or undefined. Literal addresses are refused whole: a model's picture has a name. */
export function mediaUrlFault (url: string): string | undefined {
  if (/^data:/i.test(url)) return DATA_URL.test(url) ? undefined : 'The media data URL is not valid base64.'
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !SCHEMES.has(parsed.protocol)) return 'The media URL must be http, https, oss or a base64 data URL.'
  if (parsed.protocol === 'oss:') return undefined
  // A name's trailing dot only says that it is complete.
  const host = parsed.hostname.toLowerCase().replace(/\.$/, '')
  const isAddress = host.startsWith('[') || /^[\d.]+$/.test(host)
  return isAddress || !host.includes('.') || PRIVATE_NAME.test(host) ? 'The media URL must name a public host.' : undefined
}
