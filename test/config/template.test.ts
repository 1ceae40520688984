import t from 'tap'
import { readFileSync } from 'node:fs'
import { publishedSchema } from '../../src/config/schema.ts'
import { configTemplate } from '../../src/config/template.ts'
import { configOf, problemsOf } from './support.ts'
import type { JsonSchema } from '../../src/config/schema.ts'

const SECRETS = Object.fromEntries(['DASHGATE_ADMIN_TOKEN', 'DASHGATE_BOOTSTRAP_KEY', 'DASHGATE_SECRET', 'DASHGATE_SECRET_PREVIOUS']
  .map((name) => [name, `a-value-long-enough-for-${name}`]))

/** The file as it is once somebody has taken away every # that stands before a setting. */
const allSet = configTemplate().replaceAll(/^(\s*)#(?=\S)/gm, '$1')

t.test('as it is it changes nothing', async (t) => {
  t.strictSame(configOf({ yaml: configTemplate() }), configOf({}))
  const environment = { DASHSCOPE_API_KEY: 'sk-1' }
  t.strictSame(configOf({ yaml: configTemplate(), environment }), configOf({ environment }))
})

t.test('with everything set it loads too, and what has a default has it still', async (t) => {
  const { upstreams, models, secrets, ...rest } = configOf({ yaml: allSet, environment: { ...SECRETS, DASHSCOPE_API_KEY: 'sk-1' } })
  const { upstreams: _, models: __, secrets: ___, ...defaults } = configOf({})
  t.strictSame(rest, defaults)
  t.strictSame([upstreams.map(({ name }) => name), models.map(({ name }) => name)], [['dashscope', 'local'], ['my-coder', 'qwen-coder-turbo']])
  t.strictSame(Object.values(secrets), Object.values(SECRETS))
  t.match(problemsOf({ yaml: allSet, environment: SECRETS }), [/upstreams\[0\]\.keys\[0\]: DASHSCOPE_API_KEY: set it to your DashScope key$/])
})

t.test('each of its lines can be set by itself, with those it stands under', async (t) => {
  const yaml = configTemplate().replace('#shutdown_timeout: 120s', 'shutdown_timeout: 5s').replace('#unpriced_model: reject', 'unpriced_model: allow')
  const config = configOf({ yaml })
  t.match(config, { server: { shutdown_timeout: '5s', port: 8787 }, policies: { unpriced_model: 'allow' } })
})

t.test('no setting is left out', async (t) => {
  const names = [...namesIn(publishedSchema() as JsonSchema)]
  t.ok(names.length > 50)
  for (const name of names) t.match(configTemplate(), new RegExp(`(^|#|- |# )${name}:`, 'm'), name)
})

t.test('lines are as short as people read them', async (t) => {
  t.same(configTemplate().split('\n').filter((line) => line.length > 130), [])
})

t.test('dashgate.example.yaml is this file', async (t) => {
  const example = readFileSync(new URL('../../dashgate.example.yaml', import.meta.url), 'utf8')
  t.equal(example, configTemplate(), 'npm run dashgate -- init --print > dashgate.example.yaml')
})

function * namesIn (schema: JsonSchema): Generator<string> {
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    yield name
    yield * namesIn(child)
  }
  for (const child of [...(schema.items === undefined ? [] : [schema.items]), ...(schema.anyOf ?? [])]) yield * namesIn(child)
}
