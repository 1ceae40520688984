import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../core/clock.ts'
import type { Report } from '../limits/trouble.ts'

/** Writes to a database in as few transactions as may be. */
export interface SpoolWriter {
  /** False from a transaction that failed until the next that does not. */
  readonly isHealthy: boolean
  /** Writes together with everything else of this turn of the event loop. @throws where it cannot be written */
  write<Result> (run: () => Result): Promise<Result>
  close (): void
}

/** What is told of transactions. */
export interface Transactions {
  /** The end of each, and a part of it. */
  tidy (): void
  committed (): void
  rolledBack (): void
}

export interface SpoolWriterDeps { readonly clock: Clock, readonly report: Report }

/** How soon a database that could not be written is tried again where nobody else writes. */
const RETRY_INTERVAL_MS = 1_000

interface Write {
  run (): void
  done (): void
  reject (cause: unknown): void
}

export function createSpoolWriter (database: DatabaseSync, transactions: Transactions, deps: SpoolWriterDeps): SpoolWriter {
  return new Writer(database, transactions, deps)
}

class Writer implements SpoolWriter {
  isHealthy = true
  readonly #database: DatabaseSync
  readonly #transactions: Transactions
  readonly #deps: SpoolWriterDeps
  #batch: Write[] = []
  #stopTimer: (() => void) | undefined
  #isClosed = false

  constructor (database: DatabaseSync, transactions: Transactions, deps: SpoolWriterDeps) {
    this.#database = database
    this.#transactions = transactions
    this.#deps = deps
  }

  write<Result> (run: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new Error('the spool is closed')
      let result: () => Result
      const write = { run () { const value = run(); result = () => value }, done () { resolve(result()) }, reject }
      if (this.#batch.push(write) === 1) setImmediate(() => this.#flushWaiting())
    })
  }

  close (): void {
    this.#isClosed = true
    this.#flushWaiting()
    this.#stopTimer?.()
  }

  #flushWaiting (): void {
    if (this.#batch.length > 0) this.#flush()
  }

  #flush (): void {
    const writes = this.#batch
    this.#batch = []
    try {
      this.#transact(() => { for (const { run } of writes) run() })
      for (const { done } of writes) done()
    } catch (cause) {
      for (const { reject } of writes) reject(cause)
    }
  }

  #transact (run: () => void): void {
    try {
      inTransaction(this.#database, this.#transactions, run)
      this.#turn(true, undefined)
    } catch (cause) {
      this.#turn(false, cause)
      throw cause
    }
  }

  #turn (isHealthy: boolean, cause: unknown): void {
    this.#stopTimer?.()
    this.#stopTimer = isHealthy ? undefined : this.#deps.clock.setTimer(RETRY_INTERVAL_MS, () => this.#flush())
    if (isHealthy === this.isHealthy) return
    this.isHealthy = isHealthy
    this.#deps.report({ kind: 'spool_state', isHealthy, cause })
  }
}

function inTransaction (database: DatabaseSync, transactions: Transactions, run: () => void): void {
  try {
    database.exec('BEGIN IMMEDIATE')
    run()
    transactions.tidy()
    database.exec('COMMIT')
  } catch (cause) {
    if (database.isTransaction) database.exec('ROLLBACK')
    transactions.rolledBack()
    throw cause
  }
  transactions.committed()
}
