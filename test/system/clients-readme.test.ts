import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { prepareEnvironment } from '../clients/environments.ts'
import { reasonToSkip } from '../support/clients.ts'
import { startGateway } from '../support/gateway.ts'
import { READMES, blocksOf, withoutPrompts } from '../support/readme.ts'

t.setTimeout(600_000)

const skip = await reasonToSkip('python')

/** Prints the value of a snippet's last line, as the interactive Python does. */
const RUNNER = `
import ast, sys
*statements, last = ast.parse(sys.argv[1]).body
scope = {}
exec(compile(ast.Module(statements, []), 'README', 'exec'), scope)
print(eval(compile(ast.Expression(last.value), 'README', 'eval'), scope))
`

const ANSWERS: ReadonlyArray<readonly [string, RegExp]> = [
  ['from openai import OpenAI', /^ChatCompletion\(id='chatcmpl-.*finish_reason='stop'/],
  ['import dashscope', /^\{"status_code": 200, .*"finish_reason": "stop"/]
]

t.test('the Python snippets of both READMEs do what they show', { skip }, async (t) => {
  const preparation = await prepareEnvironment('python')
  if (!preparation.ready) throw new Error(preparation.reason)
  const [python = ''] = preparation.command
  const gateway = await startGateway({ upstreamProtocol: 'dashscope' })
  t.teardown(() => gateway.close())
  const env = { PATH: process.env['PATH'], PYTHONUTF8: '1', PYTHONDONTWRITEBYTECODE: '1', DASHGATE_KEY: gateway.apiKey }
  for (const name of READMES) {
    const snippets = blocksOf(name, 'python')
    t.equal(snippets.length, ANSWERS.length, name)
    for (const [index, [beginning, answer]] of ANSWERS.entries()) {
      const snippet = (snippets[index] ?? '').replaceAll('http://127.0.0.1:8787', gateway.url)
      t.match(snippet, beginning)
      const { stdout } = await promisify(execFile)(python, ['-c', RUNNER, snippet], { env, timeout: 120_000 })
      t.match(stdout, answer, `${name}: ${beginning}`)
    }
  }
})

t.test('both READMEs show the same snippets', async (t) => {
  const [english, chinese] = READMES.map((name) => blocksOf(name, 'python').map(withoutPrompts))
  t.same(chinese, english)
})
