import type { Exchange } from '../relay/exchange.ts'

/** The HTTP status that the client got, or would have got had it waited. A stream that has begun stays a 200. */
export function statusOf ({ error, opened, firstContentMonotonicMs }: Exchange): number {
  if (error === undefined) return 200
  const hasBegun = opened?.envelope.stream === true && firstContentMonotonicMs !== undefined
  return hasBegun && error.kind !== 'client_closed' ? 200 : error.status
}
