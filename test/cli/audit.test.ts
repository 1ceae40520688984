import t from 'tap'
import { adminPlace } from './admin.ts'
import { chained, GENESIS } from '../../src/accounts/audit.ts'
import type { AuditEntry, AuditLog } from '../../src/accounts/audit.ts'

t.test('what was changed is listed, and verified against a head that was kept', async (t) => {
  const { dashgate, call } = await adminPlace(t)
  t.equal((await dashgate('audit', 'list')).stdout, 'Nothing has been changed.\n')
  t.match(await dashgate('audit', 'verify'), { code: 0, stdout: /^The log is whole: 0 entries in one chain\.\n[^]*\n {2}0:\n/ })
  await call('POST', '/teams', { id: 'search', name: '搜索', concurrent_requests: 5 })
  await call('PATCH', '/teams/search', { concurrent_requests: 6 })
  const first = JSON.parse((await dashgate('audit', 'verify', '--json')).stdout)
  t.match(first, { ok: true, entries: 2, head: /^2:[0-9a-f]{64}$/ })
  for (let index = 0; index < 250; index++) await call('POST', '/teams', { id: `t${index}` })
  await call('DELETE', '/teams/none')
  const { code, stdout } = await dashgate('audit', 'verify', '--head', first.head)
  t.equal(code, 0)
  t.match(stdout, /^The log is whole: 253 entries in one chain, and the head that was seen is in it\.\n[^]*\n {2}253:[0-9a-f]{64}\n/)
  const listed = await dashgate('audit', 'list', '--limit', '3')
  t.equal(listed.stdout.split('\n').length, 5)
  t.match(listed.stdout, /^ENTRY +TIME +BY +FROM +OUTCOME +ACTION +OBJECT\n +253 +2026-01-01T00:00:00\.000Z +root +\S+ +failed +/)
  const { data } = JSON.parse((await dashgate('audit', 'list', '--limit', '220', '--json')).stdout)
  t.same([data.length, data[0].seq, data.at(-1).seq], [220, 253, 34])
})

t.test('a log that somebody has changed is broken, and says where', async (t) => {
  const entries: AuditEntry[] = []
  for (let index = 1; index <= 5; index++) {
    entries.unshift(chained({
      actor: 'root', role: 'admin', address: undefined, requestId: undefined, action: 'team.set', object: `team:t${index}`, outcome: 'done', detail: undefined, timeMs: index
    }, entries[0] ?? GENESIS))
  }
  const [head] = entries
  const logOf = (kept: readonly AuditEntry[]): AuditLog => ({
    append: async () => { throw new Error('nothing is written here') },
    list: async ({ before = Infinity, limit }) => kept.filter(({ seq }) => seq < before).slice(0, limit)
  })
  const changed = await adminPlace(t, {}, { audit: logOf(entries.with(2, { ...entries[2] as AuditEntry, actor: 'somebody' })) })
  t.same(await changed.dashgate('audit', 'verify'), { code: 1, stdout: 'The log is broken at entry 3: it is not what was written.\n', stderr: '' })
  t.strictSame(JSON.parse((await changed.dashgate('audit', 'verify', '--json')).stdout), { ok: false, seq: 3, why: 'it is not what was written' })
  const cut = await adminPlace(t, {}, { audit: logOf(entries.slice(1)) })
  t.match(await cut.dashgate('audit', 'verify'), { code: 0 })
  t.same(await cut.dashgate('audit', 'verify', '--head', `5:${head?.hash}`), { code: 1, stdout: 'The log is broken at entry 5: it was seen before, and the log ends with 4.\n', stderr: '' })
})
