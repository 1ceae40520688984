/** What one connection may cost us, and all of them together. */
export interface ConnectionLimits {
  /** Connections beyond these are closed at once. */
  readonly connectionsMax: number
  /** After this many answers a connection is closed in good order. */
  readonly requestsPerConnectionMax: number
  /** Requests sent ahead of their answers; whoever sends more is cut off. */
  readonly pipelinedRequestsMax: number
  readonly headBytesMax: number
  readonly headersMax: number
  readonly headTimeoutMs: number
  /** Head and body together. Node closes a slow head only if the head's limit is below this one. */
  readonly requestTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  /** How often slow requests are looked for. */
  readonly checkIntervalMs: number
  /** What is still read of a body that was refused before it had come, so that its sender gets to see the refusal. */
  readonly lingerBytesMax: number
  readonly lingerTimeoutMs: number
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  connectionsMax: 10_000,
  requestsPerConnectionMax: 10_000,
  pipelinedRequestsMax: 32,
  headBytesMax: 16_384,
  headersMax: 200,
  headTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 75_000,
  checkIntervalMs: 1_000,
  lingerBytesMax: 1_048_576,
  lingerTimeoutMs: 1_000
}
