import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { ask, COMPATIBLE, compatibleBody, eventsOf, hastyClock, KEY, NATIVE, nativeBody, simulatorFor, STREAMED } from '../wire.ts'
import type { Answered } from '../wire.ts'

const NATIVE_STREAM = { path: NATIVE, headers: STREAMED, body: nativeBody('你好', { incremental_output: true, result_format: 'message' }) }
const COMPATIBLE_STREAM = { path: COMPATIBLE, body: compatibleBody('你好', { stream: true }) }
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

type T = Parameters<typeof simulatorFor>[0]

/** A sound answer and a broken one to the same request. */
async function both (t: T, fault: string, asked: typeof NATIVE_STREAM | typeof COMPATIBLE_STREAM): Promise<readonly [Answered, Answered]> {
  const simulator = await simulatorFor(t, {}, hastyClock())
  const sound = await ask(simulator, asked)
  simulator.enqueue(fault)
  return [sound, await ask(simulator, asked)]
}

const plain = (text: string): string => text.replace(UUID, '…').replace(/"created":\d+/g, '"created":0')

t.test('CRLF ends every line', async t => {
  for (const asked of [NATIVE_STREAM, COMPATIBLE_STREAM]) {
    const [sound, broken] = await both(t, 'crlf', asked)
    t.equal(plain(broken.text), plain(sound.text).replaceAll('\n', '\r\n'))
  }
})

t.test('bytes come one by one', async t => {
  const [sound, broken] = await both(t, 'bytewise', NATIVE_STREAM)
  t.equal(plain(broken.text), plain(sound.text))
  t.ok(broken.chunks.every(chunk => chunk.length === 1))
})

t.test('JSON is laid out over several data lines', async t => {
  const [sound, broken] = await both(t, 'multiline', COMPATIBLE_STREAM)
  const events = broken.text.split('\n\n').slice(0, -1).map(event => event.split('\n').map(line => line.replace(/^data: /, '')))
  t.ok(events.slice(0, -1).every(lines => lines.length > 5))
  t.same(events.slice(0, -1).map(lines => plain(JSON.stringify(JSON.parse(lines.join('\n'))))), eventsOf(plain(sound.text)).map(event => JSON.stringify(event)))
})

t.test('a stream is compressed although nobody asked', async t => {
  const [sound, broken] = await both(t, 'gzip', NATIVE_STREAM)
  t.equal(broken.headers['content-encoding'], 'gzip')
  t.equal(plain(gunzipSync(broken.bytes).toString()), plain(sound.text))
})

t.test('fields and empty events stand among the answer\'s', async t => {
  for (const asked of [NATIVE_STREAM, COMPATIBLE_STREAM]) {
    const [sound, broken] = await both(t, 'fields', asked)
    const nothings = 'event: ping\n\nretry: 1000\n\nid: 1\n\n: comment\n\ndata:\n\n'
    const events = plain(broken.text).split(nothings).slice(1)
    t.ok(events.every((event, index) => event.startsWith(`id:${index + 1}\n`)))
    const isNumbered = sound.text.startsWith('id:')
    t.equal(events.map(event => isNumbered ? event : event.replace(/^id:\d+\n/, '')).join(''), plain(sound.text))
  }
})

t.test('a byte order mark comes first', async t => {
  const [sound, broken] = await both(t, 'bom', COMPATIBLE_STREAM)
  t.same(broken.bytes.subarray(0, 3), Buffer.from([0xef, 0xbb, 0xbf]))
  t.equal(plain(broken.bytes.subarray(3).toString()), plain(sound.text))
})

t.test('a stream is called JSON', async t => {
  const [, broken] = await both(t, 'mislabelled', NATIVE_STREAM)
  t.equal(broken.headers['content-type'], 'application/json')
})

t.test('the last event lacks its blank line', async t => {
  const [sound, broken] = await both(t, 'unterminated', NATIVE_STREAM)
  t.equal(plain(broken.text), plain(sound.text).slice(0, -2))
})

t.test('a flood of comments changes nothing that is said', async t => {
  const [sound, broken] = await both(t, 'comments=500', NATIVE_STREAM)
  t.equal(broken.text.split(':keepalive\n\n').length, 501)
  t.equal(plain(broken.text).replaceAll(':keepalive\n\n', ''), plain(sound.text))
})

t.test('one event has broken JSON', async t => {
  const [sound, broken] = await both(t, 'malformed=1', COMPATIBLE_STREAM)
  const lines = broken.text.split('\n\n')
  t.equal(lines.length, sound.text.split('\n\n').length)
  t.throws(() => JSON.parse(lines[1]?.slice(6) ?? ''), SyntaxError)
  t.doesNotThrow(() => JSON.parse(lines[2]?.slice(6) ?? ''))
})

t.test('a whole answer has broken JSON', async t => {
  const simulator = await simulatorFor(t)
  simulator.enqueue('malformed')
  const { text, ending } = await ask(simulator, { path: NATIVE, body: nativeBody('hi') })
  t.equal(ending, 'end')
  t.throws(() => JSON.parse(text), SyntaxError)
})

t.test('one line is giant', async t => {
  for (const asked of [NATIVE_STREAM, COMPATIBLE_STREAM]) {
    const [sound, broken] = await both(t, 'giant=300000', asked)
    t.equal(broken.bytes.length, sound.bytes.length + 300_000)
    t.equal(Math.max(...broken.text.split('\n').map(line => line.length)) > 300_000, true)
  }
})

t.test('answers come late, stop for a while, or drip comments until the client goes', async t => {
  const clock = hastyClock()
  const simulator = await simulatorFor(t, {}, clock)
  simulator.enqueue('delay=700, hiccup=300:2')
  const { text } = await ask(simulator, NATIVE_STREAM)
  t.same(clock.waits, [700, 300])
  t.match(text, /"stop"/)
  simulator.enqueue('drip=50:3, eof=8')
  const dripped = await ask(simulator, NATIVE_STREAM)
  t.same(clock.waits.slice(2), [50, 50, 50])
  t.match(dripped.text, /^(id:[12]\n[^]*?\n\n){2}(:keepalive\n\n){3}$/)
  t.equal(simulator.billed.get(KEY)?.requests, 2)
})
