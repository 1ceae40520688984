import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Test } from 'tap'
import { readJsonBody } from '../../src/core/body.ts'
import type { ChatRequest } from '../../src/core/chat.ts'
import type { HeaderValues, OpenedCall, Protocol, ReplyIdentity } from '../../src/core/protocol.ts'
import { openedBy, targetOf } from '../support/calls.ts'
import { PROTOCOLS } from '../../src/protocols/registry.ts'

/** Every protocol there is; a law that holds for all of them holds for the next one too. */
export const EVERY_PROTOCOL: readonly Protocol[] = [...PROTOCOLS.values()]

/** Every surface with every dialect, the same protocol on both sides included. */
export const EVERY_PAIR = EVERY_PROTOCOL.flatMap((surface) => EVERY_PROTOCOL.map((dialect) => ({ surface, dialect })))

export const IDENTITY: ReplyIdentity = { requestId: '39799876-eda8-9527-9e14-2214d641cf9a', model: 'qwen-coder-turbo', createdSeconds: 1_728_353_155 }

const RUNS = 120

/** A property, its counterexample and seed in the message where it fails. Assertions inside throw, so that it can be shrunk. */
export function holds<Values> (t: Test, law: fc.IProperty<Values>, runs = RUNS): void {
  try {
    fc.assert(law, { numRuns: runs })
    t.pass('holds')
  } catch (cause) {
    t.fail(cause instanceof Error ? `${cause.message}\n${String(cause.cause)}` : String(cause))
  }
}

/** The call a surface sees when its own dialect sends this request to it: no law has to know a protocol's body. */
export function openedFrom (protocol: Protocol, request: ChatRequest, target = targetOf(protocol)): OpenedCall {
  const { path, headers, body } = protocol.dialect.renderRequest(request, target)
  const chatPath = protocol.surface.chatPaths.find((candidate) => candidate.endsWith(path))
  assert.ok(chatPath !== undefined, `${protocol.name} serves the path it calls: ${path}`)
  return openedBy(protocol, { path: chatPath, headers: lowerCase(headers), body: readJsonBody(body, protocol.surface.recordedMembers) })
}

/** The plainest request whose answer has that many choices. */
export function plainCall (protocol: Protocol, { choices, stream }: { choices: number, stream: boolean }): OpenedCall {
  return openedFrom(protocol, {
    messages: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
    stream,
    parameters: choices === 1 ? {} : { n: choices },
    extra: {},
    vendorHeaders: {}
  })
}

export function lowerCase (headers: HeaderValues): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
