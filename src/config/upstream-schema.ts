import Type from 'typebox'
import { baseUrlOf, durationOf } from './scalars.ts'

/** What may stand in a header's value. */
export const SECRET_PATTERN = '^[\\x21-\\x7e]+$'

const closed = { additionalProperties: false }

/** A name as it stands in URLs, headers, logs and metrics labels. */
export const NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$'

/** Every quirk may be left open; a model's own wins over its upstream's, and the built-in defaults come last. */
export const QuirksSchema = Type.Object({
  extensions: Type.Optional(Type.Boolean({
    description: 'Takes DashScope\'s extension parameters (top_k, enable_thinking …). Default: true.'
  })),
  developer_role: Type.Optional(Type.Boolean({
    description: 'Knows the role developer; where it does not, that role is sent as system. Default: false.'
  })),
  max_completion_tokens: Type.Optional(Type.Boolean({
    description: 'Wants the output cap as max_completion_tokens instead of max_tokens. Default: false.'
  })),
  tool_choice_required: Type.Optional(Type.Enum(['pass', 'auto', 'reject'], {
    description: 'What to do with tool_choice required: hand it on, send auto instead, or refuse the request. Default: pass.'
  })),
  stream_only: Type.Optional(Type.Boolean({
    description: 'Answers only as a stream; a client that asked for none gets it collected. Default: false.'
  }))
}, { ...closed, description: 'How this target strays from its protocol.' })

const KeySchema = Type.Object({
  key: Type.String({ description: 'The secret key, best given as a variable of the environment.', minLength: 1, pattern: SECRET_PATTERN }),
  weight: Type.Optional(Type.Integer({
    description: 'Share of the requests this key takes among its siblings. Default: 1.', minimum: 1, maximum: 1_000
  })),
  workspace: Type.Optional(Type.String({
    description: 'DashScope workspace the key\'s requests are sent for.', minLength: 1, maxLength: 128, pattern: SECRET_PATTERN
  }))
}, closed)

const TimeoutsSchema = Type.Object({
  connect: durationOf({ description: 'Longest wait for a connection.', default: '5s' }),
  first_byte: durationOf({ description: 'Longest wait for the answer\'s first byte once the request is sent.', default: '60s' }),
  idle: durationOf({ description: 'Longest silence between two events that carry content.', default: '60s' }),
  total: durationOf({ description: 'Longest time for the whole answer, 90m at most.', default: '600s' })
}, { ...closed, description: 'How long an upstream may take.', default: {} })

export const UpstreamSchema = Type.Object({
  name: Type.String({ description: 'How models refer to this upstream.', pattern: NAME_PATTERN }),
  protocol: Type.Enum(['dashscope', 'openai'], { description: 'What the upstream speaks.' }),
  base_url: baseUrlOf({
    description: 'Where the protocol\'s own paths are appended: …/api/v1 for dashscope, …/v1 or …/compatible-mode/v1 for openai.'
  }),
  keys: Type.Array(
    Type.Union([Type.String({ minLength: 1, pattern: SECRET_PATTERN }), KeySchema]),
    { description: 'Secret keys, used in turn: each a text, or a mapping with a weight or a workspace.', minItems: 1, maxItems: 64 }
  ),
  timeouts: TimeoutsSchema,
  builtin_models: Type.Optional(Type.Boolean({
    description: 'Serves the built-in models, and models that name no targets. Default: true for dashscope, false for openai.'
  })),
  quirks: Type.Optional(QuirksSchema)
}, closed)
