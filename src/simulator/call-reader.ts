import type { Call, Dialect, Envelope, Tool, Turn } from './call.ts'
import type { ModelCard } from './models.ts'
import { arrayAt, isObject, objectAt, stringAt } from './wire-json.ts'
import type { JsonObject } from './wire-json.ts'

export interface Arrival {
  readonly dialect: Dialect
  readonly service: 'text' | 'multimodal'
  readonly headers: Envelope['headers']
  readonly body: JsonObject
}

/** Finds messages, parameters and the wish for a stream where the dialect keeps them. */
export function envelopeOf (arrival: Arrival): Envelope {
  const { dialect, body, headers } = arrival
  if (dialect === 'compatible') {
    const stream = body.stream === true || (body.stream === undefined && asksForFrames(headers))
    return { ...arrival, parameters: body, messages: arrayAt(body, 'messages'), messagesPath: 'messages', stream }
  }
  const input = objectAt(body, 'input')
  const acceptsEvents = String(headers.accept ?? '').includes('text/event-stream')
  return {
    ...arrival,
    parameters: objectAt(body, 'parameters'),
    messages: arrayAt(input, 'messages'),
    messagesPath: 'input.messages',
    stream: acceptsEvents || asksForFrames(headers)
  }
}

function asksForFrames (headers: Envelope['headers']): boolean {
  return String(headers['x-dashscope-sse'] ?? '').toLowerCase() === 'enable'
}

/** Reads an envelope that broke no rule. */
export function callOf (envelope: Envelope, model: ModelCard): Call {
  const { parameters, dialect } = envelope
  const tools = toolsOf(parameters)
  return {
    dialect,
    service: envelope.service,
    model,
    messages: turnsOf(envelope),
    tools,
    ...toolChoiceOf(parameters.tool_choice),
    parallelToolCalls: parameters.parallel_tool_calls === true,
    stream: envelope.stream,
    resultFormat: resultFormatOf(parameters, model),
    incrementalOutput: incrementalOutputOf(parameters, model),
    includeUsage: objectAt(parameters, 'stream_options').include_usage === true,
    thinking: thinksAloud(parameters, model),
    outputTokensMax: Number(parameters.max_completion_tokens ?? parameters.max_tokens ?? model.outputTokensMax),
    stop: stopsOf(parameters.stop),
    choices: tools.length > 0 ? 1 : Number(parameters.n ?? 1),
    seed: parameters.seed === undefined || parameters.seed === null ? undefined : String(parameters.seed)
  }
}

export function resultFormatOf (parameters: JsonObject, model: ModelCard): 'text' | 'message' {
  return parameters.result_format === 'text' || parameters.result_format === 'message' ? parameters.result_format : model.resultFormat
}

export function incrementalOutputOf (parameters: JsonObject, model: ModelCard): boolean {
  return typeof parameters.incremental_output === 'boolean' ? parameters.incremental_output : model.incrementalOutput
}

export function thinksAloud (parameters: JsonObject, model: ModelCard): boolean {
  return model.thinking === 'always' || (model.thinking === 'optional' && parameters.enable_thinking === true)
}

function toolsOf (parameters: JsonObject): readonly Tool[] {
  return arrayAt(parameters, 'tools').filter(isObject).map(source => {
    const description = objectAt(source, 'function')
    return { name: stringAt(description, 'name') ?? '', parameters: objectAt(description, 'parameters'), source }
  })
}

function toolChoiceOf (choice: unknown): Pick<Call, 'toolChoice' | 'forcedTool'> {
  if (isObject(choice)) return { toolChoice: 'required', forcedTool: stringAt(objectAt(choice, 'function'), 'name') }
  return { toolChoice: choice === 'none' || choice === 'required' ? choice : 'auto', forcedTool: undefined }
}

/** Stops given as token ids would need the vocabulary the wrong way round; the simulator takes them and never meets them. */
function stopsOf (stop: unknown): readonly string[] {
  const stops = Array.isArray(stop) ? stop : [stop]
  return stops.filter((item): item is string => typeof item === 'string' && item !== '')
}

function turnsOf (envelope: Envelope): readonly Turn[] {
  const input = objectAt(envelope.body, 'input')
  const turns = envelope.messages.filter(isObject).map(turnOf)
  if (envelope.dialect === 'compatible' || turns.length > 0) return turns
  const history = arrayAt(input, 'history').filter(isObject).flatMap(({ user, bot }) => [plainTurn('user', user), plainTurn('assistant', bot)])
  return [...history, plainTurn('user', input.prompt)]
}

function plainTurn (role: string, content: unknown): Turn {
  return { role, content: typeof content === 'string' ? content : '', toolCalls: [], partial: false }
}

function turnOf (message: JsonObject): Turn {
  const toolCalls = arrayAt(message, 'tool_calls').filter(isObject).map(call => {
    const { name, arguments: text } = objectAt(call, 'function')
    return { name: String(name ?? ''), arguments: typeof text === 'string' ? text : JSON.stringify(text ?? {}) }
  })
  return { role: String(message.role), content: textOf(message.content), toolCalls, partial: message.partial === true }
}

/** The text of a message, with that of its parts joined. */
export function textOf (content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.filter(isObject).map(part => stringAt(part, 'text') ?? '').join('')
}
