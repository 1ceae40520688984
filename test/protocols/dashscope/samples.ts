import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readJsonBody } from '../../../src/core/body.ts'
import type { Target } from '../../../src/core/catalog.ts'
import type { Quirks, VendorRules } from '../../../src/core/target.ts'
import type { ChatEvent } from '../../../src/core/event.ts'
import type { ClientCall, HeaderValues, OpenedCall, ReplyIdentity } from '../../../src/core/protocol.ts'
import { dashscope } from '../../../src/protocols/dashscope/index.ts'
import { openedBy, targetOf } from '../../support/calls.ts'
import { eventsOf } from '../../support/sse.ts'

export const REPLY: ReplyIdentity = { requestId: '75138129-60ee-996d-abe2-f08ef0153523', model: 'qwen-coder-turbo', createdSeconds: 1728353155 }

const TEXT_PATH = '/api/v1/services/aigc/text-generation/generation'
export const MULTIMODAL_PATH = '/api/v1/services/aigc/multimodal-generation/generation'
export const STREAM: HeaderValues = { 'x-dashscope-sse': 'enable' }
export const MESSAGES = [{ role: 'user', content: 'hi' }]
export const TOOLS = [{ type: 'function', function: { name: 'get_weather' } }]

/** A call with this body; a string is sent as it stands. */
export function callOf (body: object | string, headers: HeaderValues = {}, path = TEXT_PATH): ClientCall {
  const whole = { model: 'qwen-coder-turbo', input: { messages: MESSAGES } }
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify({ ...whole, ...body }))
  return { path, headers, body: readJsonBody(bytes, dashscope.surface.recordedMembers) }
}

export function opened (call: ClientCall, rules?: Partial<VendorRules>): OpenedCall {
  return openedBy(dashscope, call, rules)
}

export function targetWith (quirks?: Partial<Quirks>, model?: string): Target {
  return targetOf(dashscope, quirks, model)
}

export function fixture (name: string): Buffer {
  return readFileSync(join(import.meta.dirname, '../../fixtures/dashscope', name))
}

/** All the events a stream decodes to. */
export function decoded (stream: string | Buffer): ChatEvent[] {
  const decoder = dashscope.dialect.createDecoder(targetWith())
  return [...eventsOf(stream).flatMap((event) => decoder.decode(event)), ...decoder.end()]
}

/** The stream a client sees that sent these parameters. */
export function encoded (events: readonly ChatEvent[], parameters: object, path = TEXT_PATH): string {
  const encoder = opened(callOf({ parameters }, STREAM, path)).createEncoder(REPLY)
  return events.map((event) => encoder.encode(event)?.toString() ?? '').join('')
}
