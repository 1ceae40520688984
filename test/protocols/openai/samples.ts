import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readJsonBody } from '../../../src/core/body.ts'
import type { Quirks, Target, VendorRules } from '../../../src/core/catalog.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { ClientCall, HeaderValues, OpenedCall, ReplyIdentity } from '../../../src/core/protocol.ts'
import { openai } from '../../../src/protocols/openai/index.ts'

export const REPLY: ReplyIdentity = { requestId: '39799876-eda8-9527-9e14-2214d641cf9a', model: 'qwen-coder-turbo', createdSeconds: 1728353155 }

const LENIENT: VendorRules = { strict: false, nativeDefaults: () => ({ resultFormat: 'text', incrementalOutput: false }) }

export const MESSAGES = [{ role: 'user', content: 'hi' }]

/** A call with this body; a string is sent as it stands. */
export function callOf (body: object | string, headers: HeaderValues = {}): ClientCall {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify({ model: 'qwen-coder-turbo', messages: MESSAGES, ...body }))
  return { path: '/v1/chat/completions', headers, body: readJsonBody(bytes, openai.surface.recordedMembers) }
}

export function opened (call: ClientCall, rules: Partial<VendorRules> = {}): OpenedCall {
  return openai.surface.open(call, { ...LENIENT, ...rules })
}

/** A target that takes DashScope's extensions unless the quirks say otherwise. */
export function targetWith (quirks: Partial<Quirks> = {}, model = 'qwen-coder-turbo'): Target {
  const timeouts = { connectTimeoutMs: 1, firstByteTimeoutMs: 1, idleTimeoutMs: 1, totalTimeoutMs: 1 }
  return {
    upstream: { name: 'upstream', protocol: openai, baseUrl: 'http://127.0.0.1', keys: [], timeouts },
    model,
    priority: 0,
    weight: 1,
    quirks: {
      extensions: true,
      developerRole: false,
      maxCompletionTokens: false,
      toolChoiceRequired: 'pass',
      streamOnly: false,
      nativeService: 'text-generation',
      ...quirks
    }
  }
}

export const OPENAI_ITSELF: Partial<Quirks> = { extensions: false, developerRole: true }

export function fixture (name: string): Buffer {
  return readFileSync(join(import.meta.dirname, '../../fixtures/openai', name))
}

/** What `action` refuses with; fails where it does not. */
export function refusal (action: () => unknown): GatewayError {
  try {
    action()
  } catch (caught) {
    if (caught instanceof GatewayError) return caught
    throw caught
  }
  throw new Error('nothing was refused')
}
