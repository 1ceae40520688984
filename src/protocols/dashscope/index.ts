import type { Protocol } from '../../core/protocol.ts'
import { credentialsOf } from '../../core/workspace.ts'
import { errorOfReply } from '../../core/upstream-fault.ts'
import { MULTIMODAL_PATH, TEXT_PATH } from './check.ts'
import { createDecoder } from './decoder.ts'
import { PROTOCOL_NAME, renderError } from './error.ts'
import { createObserver, observeResponse } from './observer.ts'
import { relayRequest } from './relay.ts'
import { renderRequest } from './render.ts'
import { openCall } from './request.ts'
import { parseResponse } from './response.ts'

/** DashScope's native protocol, as clients of its SDKs speak it and as its services answer it. */
export const dashscope: Protocol = {
  name: PROTOCOL_NAME,
  surface: {
    chatPaths: [TEXT_PATH, MULTIMODAL_PATH],
    prefixes: ['/api/'],
    recordedMembers: new Set(['input', 'parameters']),
    open: openCall,
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
