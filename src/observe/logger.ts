import pino from 'pino'
import { kindOfCode } from '../core/vendor-codes.ts'
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
  const { status: upstreamStatus, code } = error?.upstream ?? {}
  const why = { upstreamStatus, upstreamCode: knownCode(code), cause: causeOf(error?.cause) }
  if (error?.kind === 'internal') logger.error({ ...line, ...why }, 'request failed')
  else logger.info({ ...line, ...why }, 'request')
}

/** An upstream's code is its own text, and a hostile one might repeat a prompt in it: only codes we know are kept. */
function knownCode (code: string | undefined): string | undefined {
  if (code === undefined) return undefined
  return /^[A-Za-z._]{1,64}$/.test(code) && kindOfCode(code) !== undefined ? code : 'other'
}

/**
 * What a cause may say in a log: its code, its name and where it came from. Its text may hold anything, a client's words
 * among them, and is left out.
 */
export function causeOf (cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined
  const code = 'code' in cause && typeof cause.code === 'string' ? ` ${cause.code}` : ''
  const frame = cause.stack?.split('\n').find((text) => text.trimStart().startsWith('at '))
  return `${cause.name}${code} ${frame?.trim() ?? ''}`.trim()
}
