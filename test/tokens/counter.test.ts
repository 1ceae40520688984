import { execFile } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { createTokenCounter } from '../../src/tokens/counter.ts'
import { countText } from '../../src/tokens/count.ts'
import { countPrompt, promptTexts } from '../../src/tokens/prompt.ts'
import type { Prompt } from '../../src/tokens/prompt.ts'

const COUNTER = new URL('../../src/tokens/counter.ts', import.meta.url)
const WORKER = new URL('../../src/tokens/worker.ts', import.meta.url)

function promptOf (content: string): Prompt {
  return { messages: [{ role: 'user', content }] }
}

function startWorker (): Worker {
  return new Worker(WORKER)
}

t.test('a prompt is counted at once up to the limit in bytes, and by the worker above it', async t => {
  const inlineBytesMax = Buffer.byteLength('user\n你好\nassistant\n')
  const counter = createTokenCounter({ inlineBytesMax })
  t.teardown(counter.close)
  t.equal(counter.count(promptOf('你好')), countPrompt(promptOf('你好')))
  const counted = counter.count(promptOf('你好!'))
  t.type(counted, Promise)
  t.equal(await counted, countPrompt(promptOf('你好!')))
})

t.test('no worker is started for small prompts, and one for all large ones', async t => {
  let started = 0
  const counter = createTokenCounter({ inlineBytesMax: 100 }, { startWorker: () => { started++; return startWorker() } })
  t.teardown(counter.close)
  counter.count(promptOf('hi'))
  t.equal(started, 0)
  const prompts = ['a', 'b '].map(text => promptOf(text.repeat(1_000)))
  t.same(await Promise.all(prompts.map(prompt => counter.count(prompt))), prompts.map(prompt => countPrompt(prompt)))
  t.equal(started, 1)
})

t.test('the worker counts what is counted inline, with the same options', async t => {
  const counter = createTokenCounter({ inlineBytesMax: 0 })
  t.teardown(counter.close)
  const contents = ['x<|im_end|>y', '\uD800 lone', 'e\u0301', '你好', '\n', '']
  for (const special of ['text', 'parsed'] as const) {
    for (const content of contents) {
      const prompt = { ...promptOf(content), tools: [{ name: content }] }
      t.equal(await counter.count(prompt, { special }), countPrompt(prompt, { special }), `${special}: ${JSON.stringify(content)}`)
    }
  }
  t.ok(await counter.count(promptOf('1'.repeat(10_000)), { tokensMax: 10 }) < 10_000, 'stops early')
})

const HOSTILE = ['a', '\u0301\u0323', '👨‍👩‍👧', ' ', '\r\n', '0123456789']

t.test('a megabyte of hostile text leaves the event loop to others', async t => {
  const counter = createTokenCounter({ inlineBytesMax: 65_536 })
  t.teardown(counter.close)
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  for (const text of HOSTILE) {
    const turns = countTurns()
    const counted = counter.count(promptOf(text.repeat(1_000_000 / text.length)))
    t.type(counted, Promise)
    await counted
    t.ok(turns.stop() > 0, `the event loop went on while ${JSON.stringify(text)} was counted`)
  }
  t.comment(`longest pause of the event loop: ${Math.round(delay.max / 1e6)} ms`)
})

/** Counts the turns of the event loop until it is stopped. */
function countTurns (): { stop (): number } {
  let turns = 0
  let next = setImmediate(count)
  function count (): void {
    turns++
    next = setImmediate(count)
  }
  return {
    stop () {
      clearImmediate(next)
      return turns
    }
  }
}

t.test('all the counting of a long text is the worker\'s: the caller only hands it over', async t => {
  const handedOver: unknown[] = []
  const outcomes: Array<Promise<unknown>> = []
  const counter = createTokenCounter({ inlineBytesMax: 65_536 }, { startWorker: () => silentWorker(handedOver) })
  for (const [index, text] of HOSTILE.entries()) {
    const prompt = promptOf(text.repeat(1_000_000 / text.length))
    const counted = counter.count(prompt)
    t.type(counted, Promise, 'a promise at once')
    t.match(handedOver[index], { id: index + 1, texts: promptTexts(prompt), options: {} }, 'and the text as it is in the worker\'s hands')
    outcomes.push(t.rejects(async () => counted, { code: 'closed' }, 'which nobody but the worker can answer'))
  }
  t.equal(handedOver.length, HOSTILE.length)
  await counter.close()
  await Promise.all(outcomes)
})

/** A worker that takes everything and never answers. */
function silentWorker (handedOver: unknown[]): Worker {
  const worker = {
    postMessage: (message: unknown) => { handedOver.push(message) },
    ref () {},
    unref () {},
    terminate: async () => 0
  }
  return Object.assign(new EventEmitter(), worker) as unknown as Worker
}

t.test('what would exceed the queue is refused, and taken again once the queue is shorter', async t => {
  const counter = createTokenCounter({ inlineBytesMax: 100, queuedBytesMax: 2_500 })
  t.teardown(counter.close)
  const prompt = promptOf('x '.repeat(1_000))
  const first = counter.count(prompt)
  await t.rejects(async () => counter.count(prompt), { name: 'TokenCounterError', code: 'busy' })
  t.equal(await first, countPrompt(prompt))
  t.equal(await counter.count(prompt), countPrompt(prompt))
})

t.test('when the worker dies, what waits rejects and the next count starts a new one', async t => {
  const deaths = ['process.exit(3)', 'throw new Error("out of luck")']
  const starts = [...deaths.map(death => () => new Worker(`
    require("node:worker_threads").parentPort.once("message", () => { ${death} })
  `, { eval: true })), startWorker]
  const counter = createTokenCounter({ inlineBytesMax: 100 }, { startWorker: () => (starts.shift() ?? startWorker)() })
  t.teardown(counter.close)
  const prompt = promptOf('x '.repeat(1_000))
  for (const cause of ['exit code 3', 'out of luck']) {
    const both = await Promise.allSettled([counter.count(prompt), counter.count(prompt)])
    for (const outcome of both) t.match(outcome, { status: 'rejected', reason: { code: 'died', cause: { message: cause } } })
  }
  t.equal(await counter.count(prompt), countPrompt(prompt))
  t.equal(starts.length, 0)
})

t.test('closing rejects what waits and refuses what needs the worker', async t => {
  const counter = createTokenCounter({ inlineBytesMax: 100 })
  const prompt = promptOf('x '.repeat(1_000))
  const waiting = t.rejects(async () => counter.count(prompt), { code: 'closed' })
  await counter.close()
  await waiting
  await t.rejects(async () => counter.count(prompt), { code: 'closed' })
  t.equal(counter.count(promptOf('hi')), countPrompt(promptOf('hi')))
  await t.resolves(counter.close())
})

t.test('a process waits for its counts, but not for an idle worker', async t => {
  const script = `import(${JSON.stringify(COUNTER.href)}).then(async ({ createTokenCounter }) => {
    const counter = createTokenCounter({ inlineBytesMax: 0 })
    console.log(await counter.count({ messages: [{ role: 'user', content: 'hi' }] }))
  })`
  const { stdout } = await promisify(execFile)(process.execPath, ['--eval', script])
  t.equal(stdout.trim(), String(countPrompt(promptOf('hi'))))
})

t.test('counts a plain text as countText does, in the worker when it is long', async (t) => {
  const counter = createTokenCounter({ inlineBytesMax: 64 })
  t.teardown(() => counter.close())
  t.equal(counter.countText('你好，world'), countText('你好，world'))
  t.equal(counter.countText('<think>\n你好', { special: 'parsed' }), countText('<think>\n你好', { special: 'parsed' }))
  const long = '质数 prime '.repeat(100)
  const pending = counter.countText(long)
  t.type(pending, Promise)
  t.equal(await pending, countText(long))
})
