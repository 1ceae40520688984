import type { Envelope } from '../call.ts'
import type { Rule } from './rules.ts'
import { modelNamed } from '../models.ts'
import { isObject, objectAt } from '../wire-json.ts'

const TOP_LEVEL_KEYS: ReadonlySet<string> = new Set(['model', 'input', 'parameters'])

/** The shape of a native body, and which service it may be sent to. */
export const nativeRules: readonly Rule<Envelope>[] = [
  {
    name: 'chat models take no asynchronous calls',
    broken: ({ headers }) => headers['x-dashscope-async'] === 'enable',
    refusal: { status: 403, code: 'AccessDenied', message: 'Current user api does not support asynchronous calls.' }
  },
  {
    name: 'a model is named',
    broken: ({ body }) => typeof body.model !== 'string' || body.model === '',
    refusal: { status: 400, code: 'BadRequest.EmptyModel', message: 'Required parameter "model" missing from request.' }
  },
  {
    name: 'there is an input',
    broken: ({ body }) => body.input === undefined || body.input === null,
    refusal: { status: 400, code: 'BadRequest.EmptyInput', message: 'Required input parameter missing from request.' }
  },
  {
    name: 'the input is an object',
    broken: ({ body }) => !isObject(body.input),
    refusal: { status: 400, code: 'BadRequest.IllegalInput', message: 'The input parameter requires json format.' }
  },
  {
    name: 'parameters are an object',
    broken: ({ body }) => body.parameters !== undefined && !isObject(body.parameters),
    refusal: 'Required body invalid, please check the request body format.'
  },
  {
    // The service drops such keys in silence, which is how a misplaced option goes unnoticed. The simulator says so.
    name: 'options stand inside parameters',
    broken: ({ body }) => misplacedKey(body) !== undefined,
    refusal: ({ body }) => `Unknown parameter "${misplacedKey(body)}" beside model, input and parameters.`
  },
  {
    name: 'there is a prompt or there are messages',
    broken: ({ body }) => objectAt(body, 'input').messages === undefined && objectAt(body, 'input').prompt === undefined,
    refusal: 'Either "prompt" or "messages" must exist and cannot both be none'
  },
  {
    name: 'messages are an array',
    broken: ({ body }) => objectAt(body, 'input').messages !== undefined && !Array.isArray(objectAt(body, 'input').messages),
    refusal: 'Input should be a valid dictionary or instance of GPT3Message'
  },
  {
    name: 'messages are not empty',
    broken: ({ body, messages }) => objectAt(body, 'input').messages !== undefined && messages.length === 0,
    refusal: "[] is too short - 'messages'"
  },
  {
    name: 'a vision model is called through the multimodal service',
    broken: ({ body, service }) => service === 'text' && modelNamed(body.model)?.vision === true,
    refusal: 'url error, please check url！'
  }
]

function misplacedKey (body: object): string | undefined {
  return Object.keys(body).find(key => !TOP_LEVEL_KEYS.has(key))
}
