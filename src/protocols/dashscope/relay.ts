import type { DialectTarget } from '../../core/target.ts'
import { numberAt, objectAt } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { applyChanges } from '../../core/patch.ts'
import type { Changes } from '../../core/patch.ts'
import type { Adjustments, ClientCall, Envelope, OpenedCall, UpstreamCall } from '../../core/protocol.ts'
import { upstreamHeaders } from './headers.ts'
import { servicePath, toolChoiceTo } from './render.ts'

/** The part of a client's path that an upstream's base URL already has. */
const API_PREFIX = '/api/v1'

/** What shapes the answer and has to be a value where it is there at all. */
const SHAPE_KEYS: ReadonlySet<string> = new Set(['result_format', 'incremental_output'])

const OUTPUT_CAPS = ['max_tokens', 'max_completion_tokens'] as const

/**
 * The client's own bytes with the model's name put right. Undefined where they will not do: the target streams only, or
 * serves the model by the other service, which writes content in another form.
 */
export function relayRequest (
  call: ClientCall, opened: OpenedCall, target: DialectTarget, adjustments: Adjustments
): UpstreamCall | undefined {
  const { stream } = opened.envelope
  if (target.quirks.streamOnly && !stream) return undefined
  const path = call.path.slice(API_PREFIX.length)
  if (path !== servicePath(target.quirks)) return undefined
  return {
    path,
    headers: upstreamHeaders(call.headers, { stream }),
    body: relayBody(call, target, { envelope: opened.envelope, adjustments }),
    stream,
    ignoredParameters: []
  }
}

interface Asked { readonly envelope: Envelope, readonly adjustments: Adjustments }

function relayBody (call: ClientCall, target: DialectTarget, asked: Asked): Buffer {
  const parameters = objectAt(call.body.document, 'parameters') ?? {}
  const changes = changesTo(parameters, target)
  if (call.body.document['parameters'] === null) changes.set('parameters', undefined)
  if (asked.envelope.model !== target.model) changes.set('model', JSON.stringify(target.model))
  capOutput(parameters, asked, changes)
  return applyChanges(call.body, changes)
}

function changesTo (parameters: JsonObject, target: DialectTarget): Changes {
  const changes: Changes = new Map()
  for (const [name, value] of Object.entries(parameters)) {
    const path = `parameters.${name}`
    // The Python SDK puts its own argument here; the header says it all and the service knows no such parameter.
    if (name === 'stream') changes.set(path, undefined)
    // Null means absent, but the service refuses it here.
    else if (value === null && SHAPE_KEYS.has(name)) changes.set(path, undefined)
    // "-0" is a number to some readers and a fault to others; zero is the same and a number to all.
    else if (Object.is(value, -0)) changes.set(path, '0')
  }
  const choice = parameters['tool_choice']
  if (choice === 'required' && toolChoiceTo(choice, target.quirks) !== choice) changes.set('parameters.tool_choice', '"auto"')
  return changes
}

/** Neither cap may promise more than was granted; the one that counts thinking too may be above the answer's. */
function capOutput (parameters: JsonObject, { envelope, adjustments }: Asked, changes: Changes): void {
  for (const name of OUTPUT_CAPS) {
    const path = `parameters.${name}`
    const given = numberAt(parameters, name)
    const granted = adjustments.outputTokensMax ?? (name === 'max_tokens' ? envelope.outputTokensMax : undefined)
    if (granted === undefined) continue
    if (given === undefined ? path === envelope.outputCapPath : given > granted) changes.set(path, String(granted))
  }
}
