import t from 'tap'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { publishedSchema } from '../../src/config/schema.ts'
import { configOf, problemsOf } from './support.ts'

const SECTIONS = Object.keys((publishedSchema() as { properties: object }).properties)

const port = fc.integer({ min: 0, max: 65_535 })
const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,20}$/)
const duration = fc.tuple(fc.integer({ min: 1, max: 86_400 }), fc.constantFrom('ms', 's')).map(([amount, unit]) => `${amount}${unit}`)
const price = fc.integer({ min: 0, max: 999_999_999 }).map((nano) => nano / 1e6)

const rates = { input_per_1k: price, output_per_1k: price, cached_input_per_1k: price, reasoning_output_per_1k: price }
const somePrice = fc.record({ currency: fc.constantFrom('CNY', 'USD'), ...rates }, { requiredKeys: ['currency', 'input_per_1k', 'output_per_1k'] })

const upstream = fc.record({
  name,
  protocol: fc.constantFrom('openai', 'dashscope'),
  base_url: fc.webUrl(),
  keys: fc.array(fc.stringMatching(/^[!#%-z]{1,40}$/), { minLength: 1, maxLength: 3 }),
  timeouts: fc.record({ connect: duration, first_byte: duration, idle: duration, total: fc.integer({ min: 1, max: 5_400 }).map((amount) => `${amount}s`) }),
  builtin_models: fc.constant(true)
})

const model = fc.record({
  name: name.map((text) => `m-${text}`),
  context_tokens: fc.integer({ min: 1_000, max: 1_000_000 }),
  output_tokens_max: fc.integer({ min: 1, max: 1_000 }),
  price: fc.oneof(somePrice, fc.uniqueArray(fc.integer({ min: 1, max: 4e12 }), { maxLength: 4 }).chain((times) => fc.tuple(
    somePrice, ...times.sort((a, b) => a - b).map((ms) => somePrice.map((dated) => ({ from: new Date(ms).toISOString(), ...dated })))
  )))
})

t.test('a good configuration is loaded as it was written', async () => {
  const written = fc.record({
    server: fc.record({ port: fc.constant(0), host: name, shutdown_timeout: duration, body_bytes_max: fc.integer({ min: 1_024, max: 1e8 }) }),
    admin: fc.record({ port, host: name }),
    upstreams: fc.uniqueArray(upstream, { minLength: 1, maxLength: 4, selector: (entry) => entry.name }),
    models: fc.uniqueArray(model, { maxLength: 4, selector: (entry) => entry.name })
  })
  fc.assert(fc.property(written, (config) => {
    const { server, admin, upstreams, models } = configOf({ yaml: stringify(config) })
    return stringify({ server, admin, upstreams, models }, { sortMapEntries: true }) === stringify(config, { sortMapEntries: true })
  }), { numRuns: 50 })
})

t.test('whatever a file holds, it is loaded or refused with places inside of it', async () => {
  const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.array(upstream, { maxLength: 2 }), fc.array(model, { maxLength: 2 }))
  const structured = fc.dictionary(fc.constantFrom(...SECTIONS, '__proto__', 'constructor'), value, { maxKeys: 5 }).map((file) => stringify(file))
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 100 }), structured), (yaml) => {
    const lines = yaml.split('\n').length
    return problemsOf({ yaml }).every((problem) => {
      const [, line = '0', column = '0'] = /^\.\/dashgate\.yaml:(\d+):(\d+) /.exec(problem) ?? []
      return Number(line) >= 1 && Number(line) <= lines && Number(column) >= 1
    })
  }), { numRuns: 300 })
})
