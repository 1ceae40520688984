import { GatewayError } from './errors.ts'
import type { HeaderValues } from './protocol.ts'
import type { UpstreamKey } from './target.ts'

const WORKSPACE = /^[\x20-\x7e]{1,128}$/

/** DashScope's workspace may be named on every surface. @throws GatewayError `invalid_request` where it cannot be a name */
export function checkWorkspace (headers: HeaderValues): void {
  const workspace = headers['x-dashscope-workspace']
  if (workspace === undefined || WORKSPACE.test(workspace)) return
  throw new GatewayError('invalid_request', 'X-DashScope-WorkSpace must be 1 to 128 printable ASCII characters.',
    { param: 'X-DashScope-WorkSpace' })
}

/** How a call says whose it is, in either of DashScope's protocols and in OpenAI's. */
export function credentialsOf ({ key, workspace }: UpstreamKey): Record<string, string> {
  return { authorization: `Bearer ${key}`, ...(workspace === undefined ? {} : { 'x-dashscope-workspace': workspace }) }
}
