import { answerTo } from './answer.ts'
import type { Answer } from './answer.ts'
import { callOf, envelopeOf } from './call-reader.ts'
import type { Arrival } from './call-reader.ts'
import type { Call, Dialect } from './call.ts'
import { compatibleReply } from './compatible-reply.ts'
import { choiceOf } from './completion.ts'
import type { Identity } from './identity.ts'
import { modelNames } from './models.ts'
import { nativeReply } from './native-reply.ts'
import type { Pace } from './pace.ts'
import { COMPATIBLE_STYLE, JSON_BODY, NATIVE_STYLE, NO_CHARGE } from './reply.ts'
import type { Reply } from './reply.ts'
import { examine, isVendorError } from './rules/rules.ts'
import { countPrompt } from '../tokens/prompt.ts'
import { errorDocument } from './vendor-error.ts'
import type { VendorError } from './vendor-error.ts'

/** Takes the place of the built-in answers; undefined leaves a call to them. */
export type Author = (call: Call, choice: number) => Answer | undefined

export interface Setting {
  readonly identity: Identity
  readonly pace: Pace
  readonly author: Author
}

/** The whole answer to a chat request, refusals included, as data. */
export function replyTo (arrival: Arrival, setting: Setting): Reply {
  const envelope = envelopeOf(arrival)
  const verdict = examine(envelope)
  if (isVendorError(verdict)) return refusal(verdict, arrival.dialect, setting.identity.requestId)
  const call = callOf(envelope, verdict)
  const inputTokens = countPrompt({ messages: call.messages, tools: call.tools.map(tool => tool.source) })
  const choices = Array.from({ length: call.choices }, (_, index) =>
    choiceOf(index, setting.author(call, index) ?? answerTo(call, index), call))
  const told = { call, inputTokens, choices, identity: setting.identity, pace: setting.pace }
  return call.dialect === 'native' ? nativeReply(told) : compatibleReply(told)
}

export function refusal (error: VendorError, dialect: Dialect, requestId: string): Reply {
  const style = dialect === 'native' ? NATIVE_STYLE : COMPATIBLE_STYLE
  const document = errorDocument(error, dialect, requestId)
  return { status: error.status, headers: JSON_BODY, style, actions: [{ type: 'document', document, pauseMs: 0, charge: NO_CHARGE }] }
}

/** The list of models, as OpenAI's clients read it. */
export function modelList (createdSeconds: number): Reply {
  const data = modelNames().map(id => ({ id, object: 'model', created: createdSeconds, owned_by: 'simulator' }))
  const document = { object: 'list', data }
  return { status: 200, headers: JSON_BODY, style: COMPATIBLE_STYLE, actions: [{ type: 'document', document, pauseMs: 0, charge: NO_CHARGE }] }
}
