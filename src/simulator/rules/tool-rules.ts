import { resultFormatOf } from '../call-reader.ts'
import type { Examined, Rule } from './rules.ts'
import { arrayAt, isObject, objectAt, stringAt } from '../wire-json.ts'
import type { JsonObject } from '../wire-json.ts'

const TOOL_NAME = /^[A-Za-z0-9_-]{1,64}$/
const RESERVED_NAME = 'search'

/** What tools look like and what may be asked of them. */
export const toolRules: readonly Rule<Examined>[] = [
  {
    name: 'tools are an array',
    broken: ({ parameters: { tools } }) => tools !== undefined && tools !== null && !Array.isArray(tools),
    refusal: "'tools' must be Array"
  },
  {
    name: 'tools are not an empty array',
    broken: ({ parameters: { tools } }) => Array.isArray(tools) && tools.length === 0,
    refusal: "[] is too short - 'tools'"
  },
  {
    name: 'tools are functions',
    broken: ({ parameters }) => !toolsOf(parameters).every(tool => isObject(tool) && tool.type === 'function' && isObject(tool.function)),
    refusal: 'The tool call is not supported.'
  },
  {
    name: 'a tool has a name of letters, digits, underscores and dashes',
    broken: ({ parameters }) => !namesOf(parameters).every(name => TOOL_NAME.test(name)),
    refusal: ({ parameters }) => {
      const name = namesOf(parameters).find(candidate => !TOOL_NAME.test(candidate))
      return `'${name}' does not match '^[a-zA-Z0-9_-]{1,64}$' - 'tools.function.name'`
    }
  },
  {
    name: 'one name is taken',
    broken: ({ parameters }) => namesOf(parameters).includes(RESERVED_NAME),
    refusal: `Tool names are not allowed to be [${RESERVED_NAME}]`
  },
  {
    name: 'tools need answers in message format',
    broken: ({ dialect, parameters, model }) =>
      dialect === 'native' && toolsOf(parameters).length > 0 && resultFormatOf(parameters, model) !== 'message',
    refusal: 'The result_format parameter must be "message" when tools is not empty'
  },
  {
    name: 'tool_choice is a word the model knows',
    broken: ({ parameters: { tool_choice: choice }, model }) => typeof choice === 'string' &&
      choice !== 'none' && choice !== 'auto' && !(choice === 'required' && model.toolChoiceRequired),
    refusal: 'tool_choice is one of the strings that should be ["none", "auto"]'
  },
  {
    name: 'tool_choice names a tool that is there',
    broken: ({ parameters }) => isObject(parameters.tool_choice) &&
      !namesOf(parameters).includes(stringAt(objectAt(parameters.tool_choice, 'function'), 'name') ?? ''),
    refusal: 'The tool call is not supported.'
  }
]

function toolsOf (parameters: JsonObject): readonly unknown[] {
  return arrayAt(parameters, 'tools')
}

function namesOf (parameters: JsonObject): readonly string[] {
  return toolsOf(parameters).filter(isObject).map(tool => stringAt(objectAt(tool, 'function'), 'name') ?? '')
}
