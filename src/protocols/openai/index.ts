import type { Protocol } from '../../core/protocol.ts'
import { credentialsOf } from '../../core/workspace.ts'
import { errorOfReply } from '../../core/upstream-fault.ts'
import { createDecoder } from './decoder.ts'
import { renderError } from './error.ts'
import { createObserver } from './observer.ts'
import { relayRequest } from './relay.ts'
import { renderRequest } from './render.ts'
import { open } from './request.ts'
import { observeResponse, parseResponse } from './response.ts'
import { PROTOCOL } from './wire.ts'

/** OpenAI's chat completions, as OpenAI serves them and as DashScope's compatible mode does. */
export const openai: Protocol = {
  name: PROTOCOL,
  surface: {
    chatPaths: ['/v1/chat/completions', '/compatible-mode/v1/chat/completions', '/chat/completions'],
    prefixes: ['/'],
    recordedMembers: new Set(['stream_options']),
    open,
    renderError
  },
  dialect: {
    authorize: credentialsOf,
    relayRequest,
    renderRequest,
    parseResponse,
    createDecoder,
    createObserver,
    observeResponse,
    parseError: errorOfReply
  }
}
