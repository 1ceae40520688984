import t from 'tap'
import { checkNode, spaceFinding } from '../../../src/cli/doctor/machine.ts'
import { clockFindings, verdictOn } from '../../../src/cli/doctor/upstreams.ts'
import { databaseFinding, redisFindings } from '../../../src/cli/doctor/store.ts'
import type { RedisState } from '../../../src/store/redis/inspection.ts'

t.test('a Node.js is told apart by both of its first numbers', async (t) => {
  for (const version of ['v22.19.0', 'v22.20.1', 'v24.0.0', 'v100.1.0']) t.match(checkNode(version, '>=22.19'), { level: 'ok' }, version)
  for (const version of ['v22.18.9', 'v20.20.2', 'v9.99.0']) t.match(checkNode(version, '>=22.19'), { level: 'fail', advice: /newer/ }, version)
})

t.test('little room is a warning, and next to none a failure', async (t) => {
  t.same([5e9, 1_024 * 1_048_576, 5e8, 100 * 1_048_576, 5e7, 0].map((bytes) => spaceFinding(bytes).level), ['ok', 'ok', 'warn', 'warn', 'fail', 'fail'])
})

t.test('what an upstream answers to a call without sense tells of its key', async (t) => {
  const cases = [
    ['dashscope', 400, 'InvalidParameter', 'ok'], ['dashscope', 400, undefined, 'ok'], ['dashscope', 401, 'InvalidApiKey', 'fail'],
    ['dashscope', 400, 'Arrearage', 'fail'], ['dashscope', 403, 'Workspace.AccessDenied', 'fail'], ['dashscope', 429, 'Throttling', 'warn'],
    ['dashscope', 500, undefined, 'fail'], ['dashscope', 200, undefined, 'warn'], ['dashscope', 404, undefined, 'warn'], ['dashscope', 302, undefined, 'fail'],
    ['openai', 200, undefined, 'ok'], ['openai', 401, 'invalid_api_key', 'fail'], ['openai', 403, undefined, 'fail'], ['openai', 404, undefined, 'warn'],
    ['openai', 400, undefined, 'warn'], ['openai', 429, undefined, 'warn'], ['openai', 503, undefined, 'fail'], ['openai', 301, undefined, 'fail']
  ] as const
  for (const [protocol, status, code, level] of cases) {
    const finding = verdictOn({ status, code, date: undefined }, protocol, 'up, key 1 (0123)')
    t.match(finding, { level, message: /^up, key 1 \(0123\): / }, `${protocol} ${status} ${code}`)
    t.equal(finding.advice === undefined, level === 'ok', 'whoever is not told that it is good is told what to do')
  }
})

t.test('a clock that is more than a minute off is told of, and which way', async (t) => {
  const nowMs = Date.UTC(2026, 0, 1)
  const at = (offsetMs: number): string => new Date(nowMs + offsetMs).toUTCString()
  for (const date of [undefined, 'nonsense', at(0), at(59_000), at(-60_000)]) t.same(clockFindings(date, nowMs, 'up'), [])
  t.match(clockFindings(at(-120_000), nowMs, 'up'), [{ level: 'warn', message: 'this machine\'s clock is 120 s ahead of that of up' }])
  t.match(clockFindings(at(3_600_000), nowMs, 'up'), [{ level: 'warn', message: /3600 s behind/ }])
})

t.test('every state of the embedded database has its words', async (t) => {
  t.match(databaseFinding({ state: 'absent' }, 'data'), { level: 'ok', message: /made at the first start/ })
  t.match(databaseFinding({ state: 'in_use' }, 'data'), { level: 'ok', message: /in use by a running gateway/ })
  t.match(databaseFinding({ state: 'unreadable', reason: 'file is not a database' }, 'data'), { level: 'fail', message: /file is not a database/ })
  t.match(databaseFinding({ state: 'free', version: 3, knownVersion: 3 }, 'data'), { level: 'ok', message: /can be opened/ })
  t.match(databaseFinding({ state: 'free', version: 2, knownVersion: 3 }, 'data'), { level: 'ok', message: /from version 2 to 3/ })
  t.match(databaseFinding({ state: 'free', version: 4, knownVersion: 3 }, 'data'), { level: 'fail', message: /of version 4, and this dashgate knows 3/ })
})

t.test('every weakness of a Redis is a finding', async (t) => {
  const good: RedisState = { state: 'reached', servers: ['Redis 7.2.4', 'Redis 7.2.4'], problems: [], keepsWrites: true, skewMs: 3.2, latencyMs: 0.44 }
  t.same(redisFindings(good, 100).map(({ level, message }) => [level, message]), [
    ['ok', 'Redis 7.2.4 is reached'], ['ok', 'appendonly is on: a restart of Redis loses little'],
    ['ok', 'its clock agrees with this machine\'s within 3 ms'], ['ok', 'an answer takes 0.4 ms']
  ])
  const levels = (change: Partial<Extract<RedisState, { state: 'reached' }>>): string[] => redisFindings({ ...good, ...change }, 100).map(({ level }) => level)
  t.same(levels({ problems: ['old', 'evicting'] }), ['ok', 'fail', 'fail', 'ok', 'ok', 'ok'])
  t.same(levels({ keepsWrites: false }), ['ok', 'warn', 'ok', 'ok'])
  t.same(levels({ skewMs: -1_001 }), ['ok', 'ok', 'warn', 'ok'])
  t.same(levels({ latencyMs: 51 }), ['ok', 'ok', 'ok', 'warn'])
  t.match(redisFindings({ state: 'away', code: 'ECONNREFUSED' }, 100), [{ level: 'fail', message: 'Redis cannot be reached (ECONNREFUSED)' }])
})
