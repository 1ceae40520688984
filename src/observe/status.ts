import type { Exchange } from '../relay/exchange.ts'

/** The HTTP status that the client got, or would have got had it waited. A stream that has begun stays what it began as. */
export function statusOf ({ error, reply }: Exchange): number {
  return error?.kind === 'client_closed' ? error.status : reply.status ?? error?.status ?? 200
}
