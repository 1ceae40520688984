import type { Call, Tool } from './call.ts'
import { arrayAt, isObject, objectAt } from './wire-json.ts'

/** A call the model writes; its id comes when it is sent. */
export interface WrittenCall { readonly name: string, readonly arguments: string }

const WEATHER = /weather|天气/i
const CITIES = ['Paris', 'London', 'Berlin', 'Tokyo', 'Beijing', 'Shanghai', 'Hangzhou', '巴黎', '伦敦', '东京', '北京', '上海', '杭州', '深圳']
const SUBJECT_OTHERWISE = '示例'
const PARALLEL_CALLS_MAX = 4

/**
 * The tools are called when the user speaks last and insists on one (`tool_choice`), names one, or asks about the weather.
 * One call, or one for each city named where `parallel_tool_calls` allows it.
 */
export function toolCallsFor (call: Call): readonly WrittenCall[] {
  const last = call.messages.at(-1)
  if (last?.role !== 'user' || call.toolChoice === 'none') return []
  const tool = toolFor(call, last.content)
  if (tool === undefined) return []
  const cities = CITIES.filter(city => last.content.includes(city))
    .sort((one, other) => last.content.indexOf(one) - last.content.indexOf(other))
  const wanted = call.parallelToolCalls ? cities.slice(0, PARALLEL_CALLS_MAX) : cities.slice(0, 1)
  const subjects = wanted.length > 0 ? wanted : [SUBJECT_OTHERWISE]
  return subjects.map(subject => ({ name: tool.name, arguments: argumentsOf(tool, subject) }))
}

function toolFor (call: Call, text: string): Tool | undefined {
  if (call.forcedTool !== undefined) return call.tools.find(tool => tool.name === call.forcedTool)
  const named = call.tools.find(tool => text.includes(tool.name))
  if (named !== undefined) return named
  if (WEATHER.test(text)) return call.tools.find(tool => WEATHER.test(JSON.stringify(tool.source))) ?? call.tools[0]
  return call.toolChoice === 'required' ? call.tools[0] : undefined
}

/** JSON as Qwen writes it, with a space behind colons and commas. */
function argumentsOf (tool: Tool, subject: string): string {
  const properties = objectAt(tool.parameters, 'properties')
  const required = arrayAt(tool.parameters, 'required').map(String)
  const names = required.length > 0 ? required : Object.keys(properties)
  const members = names.map(name => `${JSON.stringify(name)}: ${JSON.stringify(valueFor(properties[name], subject))}`)
  return `{${members.join(', ')}}`
}

function valueFor (schema: unknown, subject: string): unknown {
  const { type, enum: choices } = isObject(schema) ? schema : {}
  if (Array.isArray(choices) && choices.length > 0) return choices[0]
  if (type === 'integer' || type === 'number') return 1
  if (type === 'boolean') return true
  if (type === 'array') return []
  if (type === 'object') return {}
  return subject
}
