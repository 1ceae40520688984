import { GatewayError, truncatedStream } from '../../core/errors.ts'
import type { ChatEvent } from '../../core/event.ts'
import { isObject, parseJsonObject } from '../../core/json.ts'
import type { Decoder } from '../../core/protocol.ts'
import type { SseEvent } from '../../core/sse-event.ts'
import { errorOfText, isErrorFrame } from '../../core/upstream-fault.ts'
import { createAnswerReader } from './answer-reader.ts'
import type { AnswerReader } from './answer-reader.ts'
import { faultIn } from './fault.ts'

/** Reads the frames of an incremental stream, which is what this dialect always asks for. */
export function createDecoder (): Decoder {
  const reader = createAnswerReader()
  let done = false

  const fail = (error: GatewayError): ChatEvent[] => {
    done = true
    return [{ type: 'response-error', error }]
  }

  return {
    decode (event) {
      if (done) return []
      try {
        return framesEvents(event, reader)
      } catch (caught) {
        return fail(GatewayError.from(caught))
      }
    },
    end () {
      if (done) return []
      if (!reader.complete) return fail(truncatedStream())
      done = true
      return [{ type: 'response-end' }]
    }
  }
}

/** @throws GatewayError what the frame says went wrong, or that it says nothing that can be read */
function framesEvents (event: SseEvent, reader: AnswerReader): ChatEvent[] {
  if (isErrorFrame(event)) throw errorOfText(event.data ?? '', event.status)
  // Comments, and the marker some proxies add although this protocol has none.
  if (event.data === undefined || event.data === '' || event.data === '[DONE]') return []
  const document = parseJsonObject(event.data)
  if (document === undefined) throw new GatewayError('upstream_protocol', 'The upstream sent a frame that is not JSON.')
  const fault = faultIn(document)
  if (fault !== undefined) throw fault
  if (!isObject(document['output']) && !isObject(document['usage'])) {
    throw new GatewayError('upstream_protocol', 'The upstream sent a frame that is no part of an answer.')
  }
  return reader.read(document)
}
