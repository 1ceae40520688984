import type { Ledger, LedgerRecord, Listed, ListQuery, RefusalRecord, Refusals } from '../../src/metering/ledger.ts'
import type { RequestLog } from '../../src/metering/request-log.ts'

export const RECORD: LedgerRecord = {
  requestId: 'r1',
  timeMs: Date.UTC(2026, 10, 25, 10),
  team: 'search',
  keyId: 'k1',
  model: 'qwen-coder-turbo',
  upstreamModel: 'qwen-coder-turbo',
  surface: 'openai',
  upstream: 'dashscope',
  upstreamRequestId: 'u1',
  stream: false,
  attempt: 1,
  superseded: false,
  attempts: 1,
  status: 200,
  outcome: 'completed',
  errorKind: undefined,
  usage: { inputTokens: 85, cachedInputTokens: 5, outputTokens: 195, reasoningTokens: 0, source: 'reported' },
  costNano: 1_340_000,
  currency: 'CNY',
  firstContentMs: 320,
  durationMs: 1_250,
  limits: []
}

export const REFUSAL: RefusalRecord = {
  requestId: 'f1', timeMs: RECORD.timeMs, team: 'search', keyId: 'k1', model: 'qwen-coder-turbo', errorKind: 'rate_limited', message: 'Too many.', limits: []
}

export interface MemoryLog extends RequestLog {
  /** Writes a record a millisecond after the one before, or at the same one. */
  charge (changes?: Partial<LedgerRecord>, delayMs?: number): void
  refuse (changes?: Partial<RefusalRecord>, delayMs?: number): void
  /** All queries so far. */
  readonly queries: ListQuery[]
}

/** Both lists in memory, in the order of writing. */
export function createMemoryLog (): MemoryLog {
  const charged: Listed<LedgerRecord>[] = []
  const refused: Listed<RefusalRecord>[] = []
  const queries: ListQuery[] = []
  let atMs = RECORD.timeMs
  let written = 0

  function cursorOf (list: 'l' | 'r', team: string, delayMs: number): string {
    atMs += delayMs
    return `${atMs}-${String(++written).padStart(6, '0')}-${list}-${team}`
  }

  function lister<Item extends { readonly team: string, readonly timeMs: number }> (all: Listed<Item>[]): (query: ListQuery) => Promise<Listed<Item>[]> {
    return async (query) => {
      queries.push(query)
      const { team, fromMs, toMs, before = '~', limit } = query
      const found = all.filter(({ cursor, record }) => record.team === team && cursor < before && record.timeMs >= fromMs && record.timeMs < toMs)
      return found.sort((one, other) => one.cursor > other.cursor ? -1 : 1).slice(0, limit)
    }
  }

  const ledger: Ledger = {
    find: async (requestId, team) => charged.map(({ record }) => record).filter((record) => record.requestId === requestId && record.team === team),
    list: lister(charged)
  }
  const refusals: Refusals = {
    append () {},
    find: async (requestId, team) => refused.map(({ record }) => record).find((record) => record.requestId === requestId && record.team === team),
    list: lister(refused)
  }
  return {
    ledger,
    refusals,
    queries,
    charge (changes = {}, delayMs = 1) {
      const record = { ...RECORD, ...changes }
      charged.push({ cursor: cursorOf('l', record.team, delayMs), record })
    },
    refuse (changes = {}, delayMs = 1) {
      const record = { ...REFUSAL, ...changes }
      refused.push({ cursor: cursorOf('r', record.team, delayMs), record })
    }
  }
}
