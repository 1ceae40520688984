import type { Envelope } from '../call.ts'
import type { Rule } from './rules.ts'

/** The shape of a compatible-mode body. Unknown keys are ignored there, as with the service. */
export const compatibleRules: readonly Rule<Envelope>[] = [
  {
    name: 'a model is named',
    broken: ({ body }) => typeof body.model !== 'string' || body.model === '',
    refusal: {
      status: 400,
      code: 'InvalidParameter',
      message: 'you must provide a model parameter.',
      compatible: { code: 'invalid_request_error' }
    }
  },
  {
    name: 'there are messages',
    broken: ({ body }) => !Array.isArray(body.messages),
    refusal: "'messages' is a required property"
  },
  {
    name: 'messages are not empty',
    broken: ({ messages }) => messages.length === 0,
    refusal: "[] is too short - 'messages'"
  },
  {
    name: 'stream is true or false',
    broken: ({ body }) => body.stream !== undefined && body.stream !== null && typeof body.stream !== 'boolean',
    refusal: "'stream' must be Boolean"
  },
  {
    name: 'a seed is not negative',
    broken: ({ body }) => isInteger(body.seed) && body.seed < 0,
    refusal: ({ body }) => ({
      status: 400,
      code: 'InvalidParameter',
      message: `${String(body.seed)} is lesser than the minimum of 0 - 'seed'`,
      compatible: { code: 'invalid_value' }
    })
  }
]

function isInteger (value: unknown): value is number | bigint {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))
}
