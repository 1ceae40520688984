import { isDeepStrictEqual } from 'node:util'
import type { Catalog } from '../core/catalog.ts'
import type { Clock } from '../core/clock.ts'
import type { Config } from './schema.ts'

/** What a reload came to. `restartNeeded` names the changed sections that only a restart applies. */
export type ReloadResult =
  | { readonly outcome: 'applied', readonly config: Config, readonly catalog: Catalog, readonly restartNeeded: readonly string[] }
  | { readonly outcome: 'kept', readonly error: unknown }

export interface ReloaderOptions {
  /** The configuration the server runs with. */
  readonly config: Config
  /** Reads the configuration anew. @throws ConfigError where it is bad */
  load (): Config
  /** @throws Error where no catalog can be made of it */
  build (config: Config): Catalog
  report (result: ReloadResult): void
}

export interface ReloaderDeps {
  readonly clock: Clock
  /** Calls `changed` whenever a reload may be due, and returns how to stop: see `watchFile` and `watchSignal`. */
  readonly triggers: readonly ((changed: () => void) => () => void)[]
}

export interface Reloader {
  /** Reloads at once and reports. */
  reload (): void
  close (): void
}

/** Editors write a file in several steps; what is read in between would be half a file. */
const SETTLE_DELAY_MS = 250

export const STATIC_SECTIONS = ['log_level', 'store', 'server', 'admin', 'secrets'] as const satisfies readonly (keyof Config)[]

/** Replaces the catalog whole or not at all: whatever goes wrong on the way, the old one stays and the reason is reported. */
export function createReloader (options: ReloaderOptions, deps: ReloaderDeps): Reloader {
  let cancelTimer = (): void => {}
  const reload = (): void => {
    cancelTimer()
    options.report(attempt(options))
  }
  const stops = deps.triggers.map((listen) => listen(() => {
    cancelTimer()
    cancelTimer = deps.clock.setTimer(SETTLE_DELAY_MS, reload)
  }))
  return {
    reload,
    close () {
      cancelTimer()
      for (const stop of stops) stop()
    }
  }
}

function attempt (options: ReloaderOptions): ReloadResult {
  try {
    const config = options.load()
    return { outcome: 'applied', config, catalog: options.build(config), restartNeeded: changedSections(options.config, config) }
  } catch (error) {
    return { outcome: 'kept', error }
  }
}

function changedSections (running: Config, loaded: Config): string[] {
  return STATIC_SECTIONS.filter((section) => !isDeepStrictEqual(running[section], loaded[section]))
}
