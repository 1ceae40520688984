import t from 'tap'
import packageJson from '../../package.json' with { type: 'json' }
import { run } from './process.ts'

const folder = t.testdir({})

t.test('--version and --help are answered on standard output', async (t) => {
  t.same(await run(['--version'], { folder }), { code: 0, stdout: `${packageJson.version}\n`, stderr: '' })
  const help = await run(['--help'], { folder })
  t.equal(help.code, 0)
  for (const command of ['start', 'config', 'team', 'key', 'explain', 'simulate', 'healthcheck']) t.match(help.stdout, new RegExp(`^  ${command} `, 'm'))
})

t.test('a command line that is wrong ends with 2 and says so on standard error', async (t) => {
  for (const words of [[], ['strat'], ['start', '--prot', '1'], ['start', 'extra'], ['config'], ['config', 'chekc'], ['team'], ['team', 'create'], ['key', 'lisst'], ['explain', 'search'], ['simulate', '--port', 'x']]) {
    const { code, stdout, stderr } = await run(words, { folder })
    t.equal(code, 2, words.join(' '))
    t.equal(stdout, '', words.join(' '))
    t.not(stderr, '', words.join(' '))
  }
  t.match((await run(['strat'], { folder })).stderr, /Did you mean start\?/)
})
