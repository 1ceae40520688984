import { incrementalOutputOf, resultFormatOf, thinksAloud } from '../call-reader.ts'
import type { Examined, Rule } from './rules.ts'
import { isObject, objectAt } from '../wire-json.ts'

/** What goes together with thinking aloud, and which models can. */
export const thinkingRules: readonly Rule<Examined>[] = [
  {
    name: 'some models cannot think aloud',
    broken: ({ model, parameters }) => parameters.enable_thinking === true && model.thinking === 'never',
    refusal: ({ model }) => ({
      status: 400,
      code: 'InvalidParameter.NotSupportEnableThinking',
      message: `The model ${model.name} does not support enable_thinking.`
    })
  },
  {
    name: 'some models cannot do without',
    broken: ({ model, parameters }) => parameters.enable_thinking === false && model.thinking === 'always',
    refusal: 'The value of the enable_thinking parameter is restricted to True.'
  },
  {
    name: 'some models only stream',
    broken: ({ model, stream }) => model.streamOnly === 'always' && !stream,
    refusal: 'This model only support stream mode, please enable the stream parameter to access the model. '
  },
  {
    name: 'some models only stream while they think',
    broken: ({ model, stream, parameters }) => model.streamOnly === 'thinking' && !stream && thinksAloud(parameters, model),
    refusal: 'parameter.enable_thinking must be set to false for non-streaming calls'
  },
  {
    name: 'thoughts come in increments',
    broken: examined => examined.stream && thinksNatively(examined) &&
      !(incrementalOutputOf(examined.parameters, examined.model)),
    refusal: 'The incremental_output parameter must be "true" when enable_thinking is true'
  },
  {
    name: 'thoughts need message format',
    broken: examined => thinksNatively(examined) && resultFormatOf(examined.parameters, examined.model) === 'text',
    refusal: 'The result_format parameter must be "message" when enable_thinking is true'
  },
  {
    name: 'the budget for thoughts is within that of the model',
    broken: ({ model, parameters: { thinking_budget: budget } }) => budget !== undefined && budget !== null && model.thinking !== 'never' &&
      !(typeof budget === 'number' && Number.isInteger(budget) && budget > 0 && budget <= model.thinkingTokensMax),
    refusal: ({ model }) => `The thinking_budget parameter must be a positive integer and not greater than ${model.thinkingTokensMax}`
  },
  {
    name: 'no tool is forced on a thinking model',
    broken: ({ model, parameters }) => thinksAloud(parameters, model) &&
      (isObject(parameters.tool_choice) || parameters.tool_choice === 'required'),
    refusal: 'The tool_choice parameter does not support being set to required or object in thinking mode'
  },
  {
    name: 'no JSON mode while thinking',
    broken: ({ model, parameters }) => thinksAloud(parameters, model) && objectAt(parameters, 'response_format').type === 'json_object',
    refusal: 'Json mode response is not supported when enable_thinking is true'
  }
]

function thinksNatively ({ dialect, model, parameters }: Examined): boolean {
  return dialect === 'native' && thinksAloud(parameters, model)
}
