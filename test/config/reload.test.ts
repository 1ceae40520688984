import t from 'tap'
import type { Catalog } from '../../src/core/catalog.ts'
import type { Clock } from '../../src/core/clock.ts'
import { buildCatalog } from '../../src/config/catalog.ts'
import { createReloader } from '../../src/config/reload.ts'
import type { ReloadResult } from '../../src/config/reload.ts'
import { configOf, PROTOCOLS } from './support.ts'

const ENVIRONMENT = { DASHSCOPE_API_KEY: 'sk-1' }

/** A reloader over a text that tests change, a trigger they pull and a clock they turn. */
function setUp (yaml: string) {
  const state = { yaml, loads: 0, catalog: undefined as Catalog | undefined }
  const results: ReloadResult[] = []
  const timers = new Set<() => void>()
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    setTimer (_delayMs, action) {
      timers.add(action)
      return () => { timers.delete(action) }
    }
  }
  const listeners = new Set<() => void>()
  const load = () => {
    state.loads++
    return configOf({ yaml: state.yaml, environment: ENVIRONMENT })
  }
  const reloader = createReloader({
    config: configOf({ yaml, environment: ENVIRONMENT }),
    load,
    build: (config) => buildCatalog(config, PROTOCOLS),
    report (result) {
      results.push(result)
      if (result.outcome === 'applied') state.catalog = result.catalog
    }
  }, {
    clock,
    triggers: [(changed) => {
      listeners.add(changed)
      return () => { listeners.delete(changed) }
    }]
  })
  return {
    state,
    results,
    reloader,
    listeners,
    timers,
    trigger: () => { for (const changed of listeners) changed() },
    elapse () {
      const due = [...timers]
      timers.clear()
      for (const action of due) action()
    }
  }
}

t.test('a changed file becomes a new catalog', async (t) => {
  const { state, results, trigger, elapse } = setUp('log_level: info')
  state.yaml = 'models: [{ name: qwen-max, output_tokens_max: 7 }]'
  trigger()
  t.equal(results.length, 0, 'nothing is read while the file may still be written')
  elapse()
  t.match(results, [{ outcome: 'applied', restartNeeded: [] }])
  t.equal(state.catalog?.resolve('qwen-max')?.outputTokensMax, 7)
})

t.test('many changes at once are one reload', async (t) => {
  const { state, results, trigger, elapse } = setUp('')
  trigger()
  trigger()
  trigger()
  elapse()
  t.equal(results.length, 1)
  t.equal(state.loads, 1)
})

t.test('a bad file leaves everything as it was, and the next good one is taken', async (t) => {
  const { state, results, reloader } = setUp('')
  state.yaml = 'models: [{ name: qwen-max, output_tokens_max: 7 }, { nme: x }]'
  reloader.reload()
  t.match(results, [{ outcome: 'kept', error: { name: 'ConfigError' } }])
  t.equal(state.catalog, undefined)
  state.yaml = 'models: [{ name: qwen-max, output_tokens_max: 8 }]'
  reloader.reload()
  t.equal(state.catalog?.resolve('qwen-max')?.outputTokensMax, 8)
})

t.test('what cannot be built leaves everything as it was', async (t) => {
  const results: ReloadResult[] = []
  const config = configOf({})
  const build = () => { throw new Error('no') }
  const report = (result: ReloadResult) => { results.push(result) }
  const clock = { nowMs: () => 0, monotonicMs: () => 0, setTimer: () => () => {} }
  createReloader({ config, load: () => config, build, report }, { clock, triggers: [] }).reload()
  t.match(results, [{ outcome: 'kept', error: { message: 'no' } }])
})

t.test('changes that only a restart applies are named, and the rest is applied', async (t) => {
  const { state, results, reloader } = setUp('server: { port: 1 }')
  state.yaml = 'server: { port: 2 }\nlog_level: debug\nstore: { data_dir: /d }\nmodels: [{ name: qwen-max, output_tokens_max: 7 }]'
  reloader.reload()
  t.match(results, [{ outcome: 'applied', restartNeeded: ['log_level', 'store', 'server'] }])
  t.equal(state.catalog?.resolve('qwen-max')?.outputTokensMax, 7)
})

t.test('a closed reloader listens to nothing and does nothing more', async (t) => {
  const { results, reloader, listeners, timers, trigger, elapse } = setUp('')
  trigger()
  reloader.close()
  t.equal(listeners.size, 0)
  t.equal(timers.size, 0)
  elapse()
  t.equal(results.length, 0)
})
