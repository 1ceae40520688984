import t from 'tap'
import { readFileSync } from 'node:fs'
import packageJson from '../../package.json' with { type: 'json' }
import { JSON_MEMBERS, cliDocs, leavesOf } from '../../scripts/cli-docs.ts'
import { createProgram } from '../../src/cli/program.ts'
import { run } from './process.ts'

const folder = t.testdir({})

const program = createProgram({ environment: {}, stdout: process.stdout, stderr: process.stderr })
const leaves = leavesOf(program)

t.test('--version and --help are answered on standard output', async (t) => {
  t.same(await run(['--version'], { folder }), { code: 0, stdout: `${packageJson.version}\n`, stderr: '' })
  const help = await run(['--help'], { folder })
  t.equal(help.code, 0)
  for (const command of program.commands) t.match(help.stdout, new RegExp(`^  ${command.name()} `, 'm'))
})

t.test('every command says what it does, has --json, and says what is in it', async (t) => {
  t.ok(leaves.length >= 25)
  for (const { name, command } of leaves) {
    t.match(command.description(), /^[A-Z].+\.$/s, name)
    t.ok(command.options.some(({ long }) => long === '--json'), name)
    for (const { flags, description } of command.options) t.match(description, /^[a-z].+[^.]$/s, `${name} ${flags}`)
    for (const { description } of command.registeredArguments) t.not(description, '', name)
  }
  t.same(Object.keys(JSON_MEMBERS).sort(), leaves.map(({ name }) => name).sort())
})

t.test('no option takes a secret, which would stand in a list of processes', async (t) => {
  for (const { name, command } of leaves) {
    for (const { flags } of command.options) {
      if (!/(key|token|secret|password)s?(-file)? /.test(flags)) continue
      t.match(flags, /-file <file>$|^--key <id>$| <number>$/, `${name} ${flags}`)
    }
  }
})

t.test('docs/cli.md is what the program says', async (t) => {
  const written = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')
  t.equal(written, cliDocs(program), 'npm run docs:cli')
  for (const { name } of leaves) t.match(written, new RegExp(`^## ${name}$`, 'm'))
})

t.test('a command line that is wrong ends with 2 and says so on standard error', async (t) => {
  const wrong = [[], ['strat'], ['start', '--prot', '1'], ['start', 'extra'], ['config'], ['config', 'chekc'], ['team'], ['team', 'create'], ['key', 'lisst'], ['explain', 'search'], ['simulate', '--port', 'x'],
    ['import', 'litellm'], ['token', 'create'], ['token', 'create', '--role', 'king'], ['key', 'rotate', 'a', '--grace', '31d'], ['audit', 'verify', '--head', 'x'], ['upstream', 'add-key', 'a']]
  await Promise.all(wrong.map(async (words) => {
    const { code, stdout, stderr } = await run(words, { folder })
    t.equal(code, 2, words.join(' '))
    t.equal(stdout, '', words.join(' '))
    t.not(stderr, '', words.join(' '))
  }))
  t.match((await run(['strat'], { folder })).stderr, /Did you mean start\?/)
})

t.test('with --json that is an object too', async (t) => {
  const { code, stdout } = await run(['start', '--prot', '1', '--json'], { folder })
  t.same([code, JSON.parse(stdout)], [2, { error: 'unknown option \'--prot\'\n(Did you mean --port?)' }])
})
