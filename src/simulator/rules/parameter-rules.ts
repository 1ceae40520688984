import type { Examined, Rule } from './rules.ts'
import { textOf } from '../call-reader.ts'
import { engineRefusal } from '../vendor-error.ts'
import { isObject, objectAt } from '../wire-json.ts'

const SEED_MAX = 2n ** 64n - 1n
const CHOICES_MAX = 4
const TOP_LOGPROBS_MAX = 5
const MIXED_STOP = 'The "stop" parameter must be of type "str", "list[str]", "list[int]", or "list[list[int]]", and all elements within the list must be of the same type.'

/** Ranges and types of what steers the sampling. A parameter that is absent or null breaks none of them. */
export const parameterRules: readonly Rule<Examined>[] = [
  on('temperature', value => typeof value !== 'number', "'temperature' must be Float"),
  on('temperature', value => Number(value) < 0 || Number(value) >= 2, 'Temperature should be in [0.0, 2.0)'),
  on('top_p', value => typeof value !== 'number', "'top_p' must be Float"),
  on('top_p', value => Number(value) <= 0 || Number(value) > 1, 'Range of top_p should be (0.0, 1.0]'),
  on('top_k', value => !isWhole(value) || value < 0, 'Parameter top_k be greater than or equal to 0'),
  on('repetition_penalty', value => typeof value !== 'number' || value <= 0, 'Repetition_penalty should be greater than 0.0'),
  on('presence_penalty', value => typeof value !== 'number' || Math.abs(value) > 2, 'Presence_penalty should be in [-2.0, 2.0]'),
  tokenLimit('max_tokens'),
  tokenLimit('max_completion_tokens'),
  on('n', value => !isWhole(value) || value < 1 || value > CHOICES_MAX, `Range of n should be [1, ${CHOICES_MAX}]`),
  // The message says 63 bits and the documentation 64: what is refused is what neither could mean.
  on('seed', value => !isWhole(value) || value < 0 || value > SEED_MAX, 'Range of seed should be [0, 9223372036854775807]'),
  on('stop', value => !isStop(value), MIXED_STOP),
  on('top_logprobs', value => !isWhole(value) || value < 0 || value > TOP_LOGPROBS_MAX, `Range of top_logprobs should be [0, ${TOP_LOGPROBS_MAX}]`),
  {
    name: 'result_format is text or message',
    broken: ({ dialect, parameters: { result_format: format } }) =>
      dialect === 'native' && format !== undefined && format !== 'text' && format !== 'message',
    refusal: 'Parameter result_format should be in ["text", "message"]'
  },
  {
    name: 'increments need a stream',
    broken: ({ dialect, stream, parameters }) => dialect === 'native' && !stream && parameters.incremental_output === true,
    refusal: 'parameter incremental_output only support stream call'
  },
  {
    name: 'some models give increments only',
    broken: ({ dialect, model, stream, parameters }) =>
      dialect === 'native' && stream && model.thinking === 'always' && parameters.incremental_output === false,
    refusal: 'The incremental_output parameter of this model cannot be set to False.'
  },
  {
    name: 'some models cannot search',
    broken: ({ model, parameters }) => parameters.enable_search === true && !model.search,
    refusal: 'This model does not support enable_search.'
  },
  {
    name: 'JSON is asked for in words too',
    broken: examined => objectAt(examined.parameters, 'response_format').type === 'json_object' && !/json/i.test(promptText(examined)),
    refusal: "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
  }
]

function on (parameter: string, broken: (value: unknown) => boolean, refusal: Rule<Examined>['refusal']): Rule<Examined> {
  return {
    name: `${parameter}: ${typeof refusal === 'string' ? refusal : 'within the cap of the model'}`,
    broken: ({ parameters }) => isGiven(parameters[parameter]) && broken(parameters[parameter]),
    refusal
  }
}

function tokenLimit (parameter: string): Rule<Examined> {
  return {
    name: `${parameter} is from one to the cap of the model`,
    broken: ({ parameters, model }) => {
      const limit = parameters[parameter]
      return isGiven(limit) && (!isWhole(limit) || limit < 1 || limit > model.outputTokensMax)
    },
    refusal: ({ model }) => engineRefusal(`Range of max_tokens should be [1, ${model.outputTokensMax}]`)
  }
}

function isGiven (value: unknown): boolean {
  return value !== undefined && value !== null
}

function isWhole (value: unknown): value is number | bigint {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))
}

/** A text, or an array of texts, of token ids, or of arrays of token ids: never a mixture. */
function isStop (stop: unknown): boolean {
  if (typeof stop === 'string') return true
  if (!Array.isArray(stop)) return false
  return stop.every(item => typeof item === 'string') || stop.every(isWhole) ||
    stop.every(item => Array.isArray(item) && item.every(isWhole))
}

function promptText (examined: Examined): string {
  const prompt = objectAt(examined.body, 'input').prompt
  return [prompt, ...examined.messages.filter(isObject).map(message => textOf(message.content))].join('\n')
}
