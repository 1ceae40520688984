import t from 'tap'
import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { run } from './process.ts'

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/import/${name}`, import.meta.url))

t.test('what it prints passes the check once the variables it names are set', async (t) => {
  for (const [format, file] of [['litellm', 'litellm-team.yaml'], ['litellm', 'litellm-weights.yaml'], ['one-api', 'one-api.json'], ['one-api', 'new-api.json']] as const) {
    const folder = t.testdir({})
    const { code, stdout, stderr } = await run(['import', format, fixture(file), '--output', 'dashgate.yaml', '--json'], { folder })
    t.same([code, stderr], [0, ''], file)
    const { file: written, variables, problems } = JSON.parse(stdout) as { file: string, variables: { name: string }[], problems: unknown[] }
    t.same([written, problems], ['dashgate.yaml', []])
    t.equal(statSync(join(folder, 'dashgate.yaml')).mode & 0o777, 0o600)
    const environment = Object.fromEntries(variables.map(({ name }) => [name, name === 'HOUSE_BASE' ? 'http://house.example/v1' : 'x'.repeat(40)]))
    t.match(await run(['config', 'check'], { folder, environment }), { code: 0, stdout: /is fine/ }, file)
    t.match(await run(['config', 'check'], { folder }), { code: 2, stderr: /the environment variable \w+ is not set/ })
  }
})

t.test('the file goes to standard output, and what is to be known to standard error', async (t) => {
  const { code, stdout, stderr } = await run(['import', 'litellm', fixture('litellm-team.yaml')], { folder: t.testdir({}) })
  t.equal(code, 0)
  t.match(stdout, /^# Made of \S+litellm-team\.yaml by dashgate import\.[^]*\nupstreams:\n/)
  t.match(stderr, /^warning: model_list\[0\]\.litellm_params\.rpm and 1 more: no upstream is limited here/)
  t.match(stderr, /\nSet before the start:\n {2}DASHSCOPE_API_KEY {2}named or needed at model_list\[0\]\.litellm_params\.api_key\n {2}IMPORTED_DASHSCOPE_API_KEY {2}what stands at /)
})

t.test('it reads standard input too', async (t) => {
  const input = readFileSync(fixture('one-api.json'), 'utf8')
  const { code, stdout } = await run(['import', 'one-api', '-', '--json'], { folder: t.testdir({}), input })
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { yaml: /^# Made of standard input/, warnings: [{ path: 'data' }, { path: 'data[0].name' }], variables: [{ name: 'IMPORTED_CHANNEL_3_KEY', moved: true }, {}, {}, {}] })
})

t.test('kept secrets are in a file of the owner\'s alone, and nowhere else', async (t) => {
  const folder = t.testdir({})
  const { code, stdout, stderr } = await run(['import', 'litellm', fixture('litellm-weights.yaml'), '--keep-secrets', '--output', 'out.yaml'], { folder })
  t.equal(code, 0)
  t.match(readFileSync(join(folder, 'out.yaml'), 'utf8'), 'key-$$three')
  t.notMatch(stdout + stderr, 'key-')
  t.match(await run(['import', 'litellm', fixture('litellm-weights.yaml'), '--output', 'out.yaml'], { folder }), { code: 1, stderr: /out\.yaml is there already/ })
})

t.test('what the check would refuse is said, and ends with 1', async (t) => {
  const many = { model_list: Array.from({ length: 65 }, (_, index) => ({ model_name: `m${index}`, litellm_params: { model: 'openai/m', api_key: `sk-${index}` } })) }
  const folder = t.testdir({ 'many.yaml': JSON.stringify(many) })
  t.match(await run(['import', 'litellm', 'many.yaml', '--output', 'out.yaml'], { folder }), { code: 1, stderr: /problem: upstreams: must have at most 64 entries/ })
  const json = await run(['import', 'litellm', 'many.yaml', '--json'], { folder })
  t.match([json.code, JSON.parse(json.stdout)], [1, { problems: [{ path: 'upstreams' }] }])
})

t.test('what is no such file ends with 2', async (t) => {
  const folder = t.testdir({ 'other.json': '{"a":1}' })
  t.match(await run(['import', 'litellm', 'none.yaml'], { folder }), { code: 2, stderr: /none\.yaml cannot be read/ })
  t.match(await run(['import', 'litellm', 'other.json'], { folder }), { code: 2, stderr: /other\.json cannot be imported\. It has no list model_list/ })
  const json = await run(['import', 'one-api', 'other.json', '--json'], { folder })
  t.match([json.code, JSON.parse(json.stdout)], [2, { error: /It has no list of channels/ }])
})
