import t from 'tap'
import { run } from './process.ts'

const BAD = 'log_level: loud\nserver:\n  prot: 1\n'

const folder = t.testdir({ 'dashgate.yaml': 'log_level: warn\nmodels: [{ name: qwen-max, aliases: [m] }]\n', 'bad.yaml': BAD, empty: {} })

t.test('a good file ends with 0', async (t) => {
  const { code, stdout } = await run(['config', 'check'], { folder })
  t.equal(code, 0)
  t.equal(stdout, './dashgate.yaml is fine (upstreams: 0, models beside the built-in ones: 1).\n')
})

t.test('no file is fine too', async (t) => {
  const { code, stdout } = await run(['config', 'check'], { folder: `${folder}/empty` })
  t.equal(code, 0)
  t.match(stdout, /^There is no file, and the defaults and the environment are fine/)
})

t.test('a bad file ends with 2, and every problem is a line with its place', async (t) => {
  for (const given of [{ words: ['bad.yaml'] }, { words: [], environment: { DASHGATE_CONFIG: 'bad.yaml' } }]) {
    const { code, stdout, stderr } = await run(['config', 'check', ...given.words], { folder, ...given })
    t.equal(code, 2)
    t.equal(stdout, '')
    t.equal(stderr, 'bad.yaml:1:12 log_level: must be one of fatal, error, warn, info, debug, trace, silent\n' +
      'bad.yaml:3:3 server.prot: is not a setting\n2 problems in the configuration\n')
  }
})

t.test('a file that is not there ends with 2', async (t) => {
  t.match(await run(['config', 'check', 'none.yaml'], { folder }), { code: 2, stderr: /^none\.yaml there is no such file\n1 problem in/ })
})

t.test('--json prints one object either way', async (t) => {
  const good = await run(['config', 'check', '--json'], { folder })
  t.same([good.code, JSON.parse(good.stdout)], [0, { file: './dashgate.yaml', problems: [] }])
  const bad = await run(['config', 'check', 'bad.yaml', '--json'], { folder })
  t.equal(bad.code, 2)
  t.equal(bad.stderr, '')
  t.match(JSON.parse(bad.stdout), { problems: [{ source: 'bad.yaml', path: 'log_level', line: 1, column: 12 }, { path: 'server.prot' }] })
})

t.test('nothing is coloured where nobody looks at a terminal', async (t) => {
  const { stderr } = await run(['config', 'check', 'bad.yaml'], { folder })
  t.notOk(stderr.includes('\u001b'))
})

t.test('config schema prints the JSON Schema', async (t) => {
  const { code, stdout } = await run(['config', 'schema'], { folder })
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { $schema: 'https://json-schema.org/draft/2020-12/schema', properties: { upstreams: { type: 'array' } } })
  t.equal((await run(['config', 'schema', '--json'], { folder })).stdout.split('\n').length, 2)
})
