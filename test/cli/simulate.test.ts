import t from 'tap'
import { launch, run } from './process.ts'

const folder = t.testdir({})

const FAST = ['--port', '0', '--tokens-per-second', '0', '--first-token-delay-ms', '0']

t.test('the simulator answers in both protocols until it is told to stop', async (t) => {
  const simulator = launch(['simulate', ...FAST, '--characters-per-chunk', '3', '--json'], { folder })
  t.teardown(() => simulator.process.kill())
  const urls = JSON.parse(await simulator.line(/^\{/)) as { openai: string, dashscope: string }
  const answers = await Promise.all([
    post(`${urls.openai}/chat/completions`, { model: 'qwen-coder-turbo', messages: MESSAGES }),
    post(`${urls.dashscope}/services/aigc/text-generation/generation`, { model: 'qwen-coder-turbo', input: { messages: MESSAGES } })
  ])
  t.match(answers, [{ choices: [{ message: { role: 'assistant' } }] }, { output: { finish_reason: 'stop' } }])
  t.equal(await simulator.stop('SIGTERM'), 0)
})

t.test('people are told both addresses', async (t) => {
  const simulator = launch(['simulate', ...FAST], { folder })
  t.teardown(() => simulator.process.kill())
  t.match(await simulator.line(/DashScope SDK/), /http:\/\/127\.0\.0\.1:\d+\/api\/v1$/)
  t.match(await simulator.line(/OpenAI SDK/), /http:\/\/127\.0\.0\.1:\d+\/compatible-mode\/v1$/)
  t.equal(await simulator.stop('SIGINT'), 0)
})

t.test('a port that is taken ends with 1', async (t) => {
  const simulator = launch(['simulate', ...FAST, '--json'], { folder })
  t.teardown(() => simulator.process.kill())
  const { openai } = JSON.parse(await simulator.line(/^\{/)) as { openai: string }
  const second = await run(['simulate', '--port', new URL(openai).port], { folder })
  t.match(second, { code: 1, stdout: '', stderr: /^error: listen EADDRINUSE/ })
})

t.test('numbers out of range end with 2', async (t) => {
  for (const words of [['--port', '65536'], ['--tokens-per-second', '-1'], ['--first-token-delay-ms', '1.5'], ['--characters-per-chunk', 'x']]) {
    t.match(await run(['simulate', ...words], { folder }), { code: 2, stderr: /must be a whole number from 0 to/ }, words.join(' '))
  }
})

const MESSAGES = [{ role: 'user', content: 'Hello.' }]

async function post (url: string, body: object): Promise<unknown> {
  const headers = { authorization: 'Bearer sk-test', 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  return await response.json()
}
