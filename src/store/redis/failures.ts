import { StoreUnavailable } from '../../limits/store.ts'
import type { Clock } from '../../core/clock.ts'
import type { RedisConnection } from './connection.ts'

/** For what no client's request waits for. */
export const CALL_TIMEOUT_MS = 1_000

export interface ReplyDeps { readonly connection: RedisConnection, readonly clock: Clock }

/** What our scripts answer to arguments that cannot be meant. */
const BAD_CALL = 'BADCALL '

/**
 * Waits for a reply, but not for longer than `timeoutMs`: what comes later is ignored.
 * @throws StoreUnavailable, or TypeError for a call that can never succeed
 */
export async function within<Reply> (timeoutMs: number, reply: Promise<Reply>, { connection, clock }: ReplyDeps): Promise<Reply> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const stopTimer = clock.setTimer(timeoutMs, () => { reject(new StoreUnavailable('timeout')) })
  try {
    return await Promise.race([reply, late])
  } catch (error) {
    throw failureOf(error, connection)
  } finally {
    stopTimer()
  }
}

function failureOf (error: unknown, { failureCode }: RedisConnection): Error {
  if (error instanceof StoreUnavailable) return error
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  if (message.startsWith(BAD_CALL)) return new TypeError(message.slice(BAD_CALL.length), { cause: error })
  return new StoreUnavailable(codeOf(name, message, failureCode), { cause: error })
}

function codeOf (name: string, message: string, failureCode: string | undefined): string {
  if (message === 'Command timed out') return 'timeout'
  // What ioredis itself has to say is that there is no connection, and seldom why.
  return (name === 'MaxRetriesPerRequestError' ? undefined : replyCode(message)) ?? failureCode ?? 'closed'
}

/** The code that a reply of Redis begins with, also where a cluster's client says only in the end why it gave up. */
export function replyCode (message: string): string | undefined {
  return /^(?:Too many Cluster redirections\. Last error: (?:\w+: )?)?([A-Z]{3,})\b/.exec(message)?.[1]
}
