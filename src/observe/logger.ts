import pino from 'pino'
import type { Exchange } from '../relay/exchange.ts'

export type Logger = pino.Logger

/** Logs carry ids, counts and kinds. No header, body or key is ever handed to the logger, so there is nothing to redact. */
export function createLogger (level: string, destination?: pino.DestinationStream): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  return destination === undefined ? pino(options) : pino(options, destination)
}

/** One line for each exchange, when it has ended. */
export function logExchange (logger: Logger, exchange: Exchange, durationMs: number): void {
  const { error, usage } = exchange
  const line = {
    requestId: exchange.requestId,
    team: exchange.principal.team,
    keyId: exchange.principal.keyId,
    surface: exchange.surface.name,
    model: exchange.model?.name,
    upstream: exchange.target?.upstream.name,
    upstreamRequestId: exchange.upstreamRequestId,
    attempts: exchange.attempts,
    outcome: exchange.outcome,
    errorKind: error?.kind,
    status: error?.status ?? 200,
    inputTokens: usage?.inputTokens,
    outputTokens: usage?.outputTokens,
    usageSource: usage?.source,
    durationMs
  }
  // The cause of what we did not foresee is for us to read; its text may hold anything, so only its name and place are kept.
  if (error?.kind === 'internal') logger.error({ ...line, cause: causeOf(error.cause) }, 'request failed')
  else logger.info(line, 'request')
}

function causeOf (cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined
  const frame = cause.stack?.split('\n').find((text) => text.trimStart().startsWith('at '))
  return `${cause.name} ${frame?.trim() ?? ''}`
}
