/** Names of the spans and what they carry. Those of the GenAI conventions are still in development there, and may move. */
export const TRACER = 'dashgate'
/** The exchange, as its client sees it. Its route is known once the body has been read. */
export const serverSpanName = (route: string | undefined): string => route === undefined ? 'POST' : `POST ${route}`
/** One try at one upstream. */
export const clientSpanName = (operation: string, model: string): string => `${operation} ${model}`

interface AttributeDefinition {
  readonly name: string
  /** Which spans have it: the exchange's, its tries', or both. */
  readonly on: 'server' | 'client' | 'both'
  readonly help: string
}

/** Every attribute there is. None ever holds a word of a prompt or an answer, a key or a client's own text. */
export const ATTRIBUTES = {
  method: { name: 'http.request.method', on: 'server', help: '`POST`' },
  route: { name: 'http.route', on: 'server', help: 'The path as it is routed' },
  httpStatus: { name: 'http.response.status_code', on: 'both', help: 'What the client, or the gateway, was answered' },
  errorType: { name: 'error.type', on: 'both', help: 'The kind of error, as in the metrics' },
  requestId: { name: 'dashgate.request.id', on: 'server', help: '`x-request-id` of the answer' },
  team: { name: 'dashgate.team', on: 'server', help: 'Who pays' },
  keyId: { name: 'dashgate.key.id', on: 'server', help: 'The id of the key, never the key' },
  surface: { name: 'dashgate.surface', on: 'server', help: 'The protocol the client speaks' },
  model: { name: 'dashgate.model', on: 'server', help: 'The model as it is catalogued' },
  outcome: { name: 'dashgate.outcome', on: 'server', help: 'How it ended: `completed`, `failed`, `client_closed`, `cut`' },
  attempts: { name: 'dashgate.attempts', on: 'server', help: 'How many tries it took' },
  costNano: { name: 'dashgate.cost_nano', on: 'server', help: 'What it cost, in 10⁻⁹ of the currency' },
  currency: { name: 'dashgate.currency', on: 'server', help: 'Of the cost' },
  usageSource: { name: 'dashgate.usage.source', on: 'client', help: '`reported` by the upstream, or `estimated`' },
  upstream: { name: 'dashgate.upstream', on: 'client', help: 'The upstream, as it is configured' },
  upstreamRequestId: { name: 'dashgate.upstream.request.id', on: 'client', help: 'Its own id of the request' },
  serverAddress: { name: 'server.address', on: 'client', help: 'Its host' },
  serverPort: { name: 'server.port', on: 'client', help: 'Its port' },
  operation: { name: 'gen_ai.operation.name', on: 'client', help: '`chat`' },
  provider: { name: 'gen_ai.provider.name', on: 'client', help: '`dashscope`, or `openai` for other servers of its protocol' },
  requestModel: { name: 'gen_ai.request.model', on: 'client', help: 'The model as the upstream calls it' },
  stream: { name: 'gen_ai.request.stream', on: 'client', help: 'Whether a stream was asked for' },
  maxTokens: { name: 'gen_ai.request.max_tokens', on: 'client', help: 'The output cap that went up' },
  choices: { name: 'gen_ai.request.choice.count', on: 'client', help: 'Where it is not 1' },
  temperature: { name: 'gen_ai.request.temperature', on: 'client', help: 'As the client set it' },
  topP: { name: 'gen_ai.request.top_p', on: 'client', help: 'As the client set it' },
  topK: { name: 'gen_ai.request.top_k', on: 'client', help: 'As the client set it' },
  seed: { name: 'gen_ai.request.seed', on: 'client', help: 'As the client set it' },
  frequencyPenalty: { name: 'gen_ai.request.frequency_penalty', on: 'client', help: 'As the client set it' },
  presencePenalty: { name: 'gen_ai.request.presence_penalty', on: 'client', help: 'As the client set it' },
  responseId: { name: 'gen_ai.response.id', on: 'client', help: 'The answer\'s id, where it looks like one' },
  responseModel: { name: 'gen_ai.response.model', on: 'client', help: 'The model that answered, where it is one of the catalog' },
  finishReasons: { name: 'gen_ai.response.finish_reasons', on: 'client', help: 'Why each choice ended' },
  timeToFirstChunk: { name: 'gen_ai.response.time_to_first_chunk', on: 'client', help: 'Seconds from the try to the first content of a stream' },
  inputTokens: { name: 'gen_ai.usage.input_tokens', on: 'client', help: 'Cached ones included' },
  outputTokens: { name: 'gen_ai.usage.output_tokens', on: 'client', help: 'Reasoning included' },
  cacheReadTokens: { name: 'gen_ai.usage.cache_read.input_tokens', on: 'client', help: 'Of the input, read from a cache' },
  cacheCreationTokens: { name: 'gen_ai.usage.cache_creation.input_tokens', on: 'client', help: 'Of the input, written to a cache' },
  reasoningTokens: { name: 'gen_ai.usage.reasoning.output_tokens', on: 'client', help: 'Of the output, spent on reasoning' }
} as const satisfies Record<string, AttributeDefinition>
