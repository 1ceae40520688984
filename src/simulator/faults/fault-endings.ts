import { errorFrame } from './fault-answers.ts'
import { documentOf, finishes, mapChoices, numberAt } from './fault.ts'
import type { Fault, FaultContext } from './fault.ts'
import { frameBytes, NATIVE_STYLE, NO_CHARGE } from '../reply.ts'
import type { Action, Frame, Reply } from '../reply.ts'
import { errorDocument, errorOfStatus } from '../vendor-error.ts'

const FRAMES_BEFORE = 2

/**
 * Faults that end an answer too early. `=FRAMES` is how many events come first, two by default and never the finishing
 * one; of an answer that is no stream, half comes first.
 */
export const endingFaults: Readonly<Record<string, Fault>> = {
  /** The stream ends in good order, without a finish. */
  eof: (reply, { values }) => endedBy(reply, numberAt(values, 0, FRAMES_BEFORE), []),
  /** TCP reset. */
  reset: (reply, { values }) => endedBy(reply, numberAt(values, 0, FRAMES_BEFORE), [{ type: 'reset' }]),
  /** TCP reset before anything was said: not even a status. */
  'reset-start': reply => ({ ...reply, actions: [{ type: 'reset-start' }] }),
  /** FIN in the middle of an HTTP chunk. */
  cut: (reply, { values }) => endedBy(reply, numberAt(values, 0, FRAMES_BEFORE), [{ type: 'cut' }]),
  /** Silence on an open connection. */
  stall: (reply, { values }) => endedBy(reply, numberAt(values, 0, FRAMES_BEFORE), [{ type: 'silence' }]),
  /** Silence from the start: not even a status. */
  'stall-start': reply => ({ ...reply, actions: [{ type: 'silence' }] }),
  /** Status and headers, then silence. */
  'stall-head': reply => ({ ...reply, actions: [{ type: 'head' }, { type: 'silence' }] }),
  /** `error-frame=STATUS:FRAMES`: a native error event; in a compatible-mode stream, the one that leaks through there. */
  'error-frame': (reply, context) => failed(endedBy(reply, numberAt(context.values, 1, FRAMES_BEFORE), []), leakedFrame(reply, context)),
  /** `error-data=STATUS:FRAMES`: `data: {"error": …}`, and no `[DONE]`. */
  'error-data': (reply, context) => {
    const error = errorOfStatus(numberAt(context.values, 0, 500))
    const data = errorDocument(error, 'compatible', context.requestId)
    const ended = endedBy(reply, numberAt(context.values, 1, FRAMES_BEFORE), [])
    return failed(ended, plainFrame({ data }))
  },
  /** `error-finish=STATUS:FRAMES`: a chunk finished by `error_finish` whose content is a native error event, then `[DONE]`. */
  'error-finish': (reply, context) => {
    const ended = endedBy(reply, numberAt(context.values, 1, FRAMES_BEFORE), [])
    const before = reply.actions.find(action => documentOf(action) !== undefined)
    const leaked = leakedFrame(reply, context).bytes.toString()
    const data = mapChoices(documentOf(before) ?? {}, choice => ({ ...choice, delta: { content: leaked }, finish_reason: 'error_finish' }))
    return failed(ended, plainFrame({ data }), plainFrame({ data: '[DONE]' }))
  }
}

function endedBy (reply: Reply, framesMax: number, tail: readonly Action[]): Reply {
  const whole = reply.actions.find(action => action.type === 'document')
  if (whole !== undefined) {
    const bytes = Buffer.from(JSON.stringify(whole.document))
    return { ...reply, actions: [{ type: 'bytes', bytes: bytes.subarray(0, bytes.length >> 1), charge: whole.charge }, ...tail] }
  }
  const finish = reply.actions.findIndex(finishes)
  return { ...reply, actions: [...reply.actions.slice(0, Math.min(framesMax, finish < 0 ? framesMax : finish)), ...tail] }
}

/** A failure costs what was said before it. Where that is nothing, the call has failed, and costs nothing. */
function failed (ended: Reply, ...telling: readonly Telling[]): Reply {
  const said = ended.actions.findLast(action => 'charge' in action && action.charge !== undefined)
  const costs = said !== undefined && 'charge' in said ? said.charge ?? NO_CHARGE : NO_CHARGE
  const charge = costs.outputTokens > 0 ? costs : NO_CHARGE
  return { ...ended, actions: [...ended.actions, ...telling.map(action => ({ ...action, charge }))] }
}

type Telling = Extract<Action, { type: 'bytes' | 'frame' }>

function leakedFrame (reply: Reply, { values, requestId }: FaultContext): Extract<Action, { type: 'bytes' }> {
  const frames = reply.actions.filter(action => action.type === 'frame' && action.frame.id !== undefined)
  const id = frames.length === 0 ? 1 : numberAt(values, 1, FRAMES_BEFORE) + 1
  return { type: 'bytes', bytes: frameBytes(errorFrame(id, errorOfStatus(numberAt(values, 0, 429)), requestId), NATIVE_STYLE) }
}

function plainFrame (frame: Frame): Extract<Action, { type: 'frame' }> {
  return { type: 'frame', frame, pauseMs: 0, charge: NO_CHARGE }
}
