import { Worker } from 'node:worker_threads'
import { GatewayError } from '../core/errors.ts'
import { settingsOf, shownSettings } from './shown.ts'
import type { CheckWork } from './check-worker.ts'
import type { Clock } from '../core/clock.ts'
import type { Config } from './schema.ts'
import type { ConfigCheck } from './check.ts'
import type { JsonValue } from '../core/json.ts'
import type { Surroundings } from './load.ts'

/** The configuration for people to look at. No secret and no value of the environment gets out. */
export interface ConfigInspection {
  /** What the gateway runs with. */
  effective (): JsonValue
  /** Other names of a model. */
  aliasesOf (model: string): readonly string[]
  /**
   * What is wrong with a file's text, or what it would change. Nothing is read and nothing is set.
   * @throws GatewayError `overloaded` where others are being checked
   */
  check (text: string): Promise<ConfigCheck>
}

export interface InspectionDeps extends Surroundings {
  readonly running: () => Config
  readonly clock: Clock
  readonly startWorker?: (work: CheckWork) => Worker
}

const CHECKS_MAX = 2
const CHECK_TIMEOUT_MS = 10_000
const WORKER_HEAP_MEBIBYTES_MAX = 256

export function createConfigInspection (
  { running, flags, environment, clock, startWorker = checkWorker }: InspectionDeps
): ConfigInspection {
  let checks = 0
  return {
    effective: () => shownSettings(settingsOf(running(), undefined)),
    aliasesOf: (name) => running().models.find((model) => model.name === name)?.aliases ?? [],
    async check (text) {
      if (checks >= CHECKS_MAX) {
        throw new GatewayError('overloaded', 'Other configurations are being checked. Try again shortly.', { retryAfterMs: 1_000 })
      }
      checks++
      try {
        return await checkedBy(startWorker({ text, running: running(), flags, environment }), clock)
      } finally {
        checks--
      }
    }
  }
}

/** A long text may keep a parser busy for a minute, in which nothing else would go on. */
function checkWorker (workerData: CheckWork): Worker {
  return new Worker(new URL('./check-worker.ts', import.meta.url), {
    name: 'config-check', workerData, env: {}, resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MEBIBYTES_MAX }
  })
}

async function checkedBy (worker: Worker, clock: Clock): Promise<ConfigCheck> {
  const { promise, resolve } = Promise.withResolvers<ConfigCheck>()
  const stopTimer = clock.setTimer(CHECK_TIMEOUT_MS, () => resolve(UNREADABLE))
  worker.once('message', resolve)
  worker.once('error', () => resolve(UNREADABLE))
  worker.once('exit', () => resolve(UNREADABLE))
  try {
    return await promise
  } finally {
    stopTimer()
    await worker.terminate()
  }
}

const UNREADABLE: ConfigCheck = {
  problems: [{ path: '', line: undefined, column: undefined, message: 'is too long or too intricate to be checked here; use dashgate config check' }],
  changes: []
}
