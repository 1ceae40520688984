import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readJsonBody } from '../../../src/core/body.ts'
import type { Target } from '../../../src/core/catalog.ts'
import type { Quirks, VendorRules } from '../../../src/core/target.ts'
import type { ClientCall, HeaderValues, OpenedCall, ReplyIdentity } from '../../../src/core/protocol.ts'
import { openai } from '../../../src/protocols/openai/index.ts'
import { openedBy, targetOf } from '../../support/calls.ts'

export const REPLY: ReplyIdentity = { requestId: '39799876-eda8-9527-9e14-2214d641cf9a', model: 'qwen-coder-turbo', createdSeconds: 1728353155 }

export const MESSAGES = [{ role: 'user', content: 'hi' }]

/** A call with this body; a string is sent as it stands. */
export function callOf (body: object | string, headers: HeaderValues = {}): ClientCall {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify({ model: 'qwen-coder-turbo', messages: MESSAGES, ...body }))
  return { path: '/v1/chat/completions', headers, body: readJsonBody(bytes, openai.surface.recordedMembers) }
}

export function opened (call: ClientCall, rules?: Partial<VendorRules>): OpenedCall {
  return openedBy(openai, call, rules)
}

export function targetWith (quirks?: Partial<Quirks>, model?: string): Target {
  return targetOf(openai, quirks, model)
}

export const OPENAI_ITSELF: Partial<Quirks> = { extensions: false, developerRole: true }

export function fixture (name: string): Buffer {
  return readFileSync(join(import.meta.dirname, '../../fixtures/openai', name))
}
