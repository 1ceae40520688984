import { GatewayError } from '../../core/errors.ts'
import type { HeaderValues } from '../../core/protocol.ts'
import { checkWorkspace } from '../../core/workspace.ts'

/** Vendor headers that travel with a request, by the lower-case name they are read under. Any other header stays here. */
const FORWARDED: ReadonlyMap<string, string> = new Map([
  ['x-dashscope-workspace', 'X-DashScope-WorkSpace'],
  ['x-dashscope-datainspection', 'X-DashScope-DataInspection'],
  ['x-dashscope-ossresourceresolve', 'X-DashScope-OssResourceResolve'],
  ['x-dashscope-plugin', 'X-DashScope-Plugin']
])

/** Either header asks for a stream: SDKs send both, qwen-code the first, and the qwen-coder-turbo page's curl the second. */
export function wantsStream (headers: HeaderValues): boolean {
  return isEnabled(headers['x-dashscope-sse']) || (headers['accept']?.toLowerCase().includes('text/event-stream') ?? false)
}

/** @throws GatewayError for what a header asks and this gateway cannot give */
export function checkHeaders (headers: HeaderValues): void {
  if (isEnabled(headers['x-dashscope-async'])) {
    throw new GatewayError('permission_denied', 'Current user api does not support asynchronous calls.')
  }
  if (headers['x-dashscope-encryptionkey'] !== undefined) {
    throw new GatewayError('invalid_request', 'Encrypted input is not supported; send the request without X-DashScope-EncryptionKey.',
      { param: 'X-DashScope-EncryptionKey' })
  }
  checkWorkspace(headers)
}

/** The headers to hand on, named as the vendor writes them whatever case they came in. */
export function forwardedHeaders (headers: HeaderValues): Record<string, string> {
  const forwarded: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const vendorName = FORWARDED.get(name.toLowerCase())
    if (vendorName !== undefined && value !== undefined) forwarded[vendorName] = value
  }
  return forwarded
}

/** What every upstream request of this dialect carries. */
export function upstreamHeaders (forwarded: HeaderValues, answer: { readonly stream: boolean }): Record<string, string> {
  return {
    'Content-Type': 'application/json',
    Accept: answer.stream ? 'text/event-stream' : 'application/json',
    ...(answer.stream ? { 'X-DashScope-SSE': 'enable' } : {}),
    ...forwardedHeaders(forwarded)
  }
}

function isEnabled (value: string | undefined): boolean {
  return value?.trim().toLowerCase() === 'enable'
}
