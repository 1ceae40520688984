import { NATIVE_PATH, OPENAI_PATH, lastUpstreamBody, post } from './http.ts'
import type { Gateway } from './gateway.ts'
import type { Reply } from './http.ts'

export type Side = 'openai' | 'dashscope'

export const PATHS = { openai: OPENAI_PATH, dashscope: NATIVE_PATH } as const

export const MESSAGES = '[{"role":"user","content":"hi"}]'

/** The body of a surface with these members where its parameters stand. */
export function bodyOf (surface: Side, members: string): string {
  return surface === 'openai'
    ? `{"model":"qwen-coder-turbo","messages":${MESSAGES},${members}}`
    : `{"model":"qwen-coder-turbo","input":{"messages":${MESSAGES}},"parameters":{"result_format":"message",${members}}}`
}

/** The same as a stream, which one surface asks for in the body and the other by a header. */
export function streamed (gateway: Gateway, surface: Side, body: string): Promise<Reply> {
  return surface === 'openai'
    ? post(gateway, OPENAI_PATH, body.replace('{', '{"stream":true,'))
    : post(gateway, NATIVE_PATH, body, { 'x-dashscope-sse': 'enable' })
}

/** Where parameters stand in the bytes the upstream got. */
export function upstreamParameters (gateway: Gateway, upstream: Side): Record<string, unknown> {
  const body = lastUpstreamBody(gateway)
  return upstream === 'openai' ? body : body.parameters ?? {}
}
