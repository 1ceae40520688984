import type { Fault, FaultContext } from './fault.ts'
import { numberAt } from './fault.ts'
import { JSON_BODY, NATIVE_STYLE, NO_CHARGE, frameBytes } from '../reply.ts'
import type { Action, Reply } from '../reply.ts'
import { errorDocument, errorOfStatus } from '../vendor-error.ts'
import type { VendorError } from '../vendor-error.ts'

const QUOTA_SPENT: VendorError = {
  status: 429, code: 'Throttling.AllocationQuota', message: 'Allocated quota exceeded, please increase your quota limit.'
}
const HTML = '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n'
const RETRY_SECONDS = 1

/** Faults that put another answer in the place of the sound one. */
export const answerFaults: Readonly<Record<string, Fault>> = {
  /** `error=STATUS:SHAPE`: an HTTP error. SHAPE is `own` (the dialect's; default) or another of SHAPES. */
  error: (reply, context) => errorReply(reply, context, errorOfStatus(numberAt(context.values, 0, 500))),
  /** `throttled=SECONDS`: 429 with `retry-after`. */
  throttled: (reply, context) => {
    const refused = errorReply(reply, { ...context, values: [] }, errorOfStatus(429))
    return { ...refused, headers: { ...refused.headers, 'retry-after': String(numberAt(context.values, 0, RETRY_SECONDS)) } }
  },
  /** 429 for a quota that waiting does not bring back. */
  quota: (reply, context) => errorReply(reply, context, QUOTA_SPENT),
  /** The key was good until now. */
  unauthorized: (reply, context) => errorReply(reply, context, errorOfStatus(401)),
  /** `redirect=PATH`: 302 to a path of the simulator, by default one that does not exist. */
  redirect: (reply, { values }) => ({ ...reply, status: 302, headers: { location: values[0] ?? '/elsewhere' }, actions: [] }),
  /** 200 with an error for a body, also where a stream was asked for. */
  'ok-error': (reply, context) => ({ ...errorReply(reply, context, errorOfStatus(500)), status: 200 })
}

function errorReply (reply: Reply, context: FaultContext, error: VendorError): Reply {
  const shape = context.values[1] ?? 'own'
  const body = SHAPES[shape]
  if (body === undefined) throw new RangeError(`simulator: no error body is shaped ${shape}`)
  return { ...reply, status: error.status, ...body(error, context) }
}

type Body = (error: VendorError, context: FaultContext) => Pick<Reply, 'headers' | 'actions'>

const SHAPES: Readonly<Record<string, Body>> = {
  own: (error, { dialect, requestId }) => jsonBody(errorDocument(error, dialect, requestId)),
  flat: (error, { requestId }) => jsonBody(errorDocument(error, 'native', requestId)),
  openai: (error, { requestId }) => jsonBody(errorDocument(error, 'compatible', requestId)),
  // The service does label these application/json.
  sse: (error, { dialect, requestId }) => ({
    headers: JSON_BODY,
    actions: [bytes(dialect === 'native'
      ? frameBytes(errorFrame(1, error, requestId), NATIVE_STYLE)
      : `data: ${JSON.stringify(errorDocument(error, dialect, requestId))}\n\n`)]
  }),
  html: () => ({ headers: { 'content-type': 'text/html' }, actions: [bytes(HTML)] }),
  text: error => ({ headers: { 'content-type': 'text/plain' }, actions: [bytes(error.message)] }),
  empty: () => ({ headers: {}, actions: [] })
}

/** The native event that ends a stream in failure. */
export function errorFrame (id: number, error: VendorError, requestId: string): Extract<Action, { type: 'frame' }>['frame'] {
  const data = { request_id: requestId, code: error.code, message: error.message }
  return { id, event: 'error', comment: `HTTP_STATUS/${error.status}`, data }
}

function jsonBody (document: Record<string, unknown>): Pick<Reply, 'headers' | 'actions'> {
  return { headers: JSON_BODY, actions: [{ type: 'document', document, pauseMs: 0, charge: NO_CHARGE }] }
}

function bytes (content: Buffer | string): Action {
  return { type: 'bytes', bytes: Buffer.from(content) }
}
