import t from 'tap'
import { GENESIS, chained } from '../../src/accounts/audit.ts'
import { headFrom, headText, verifyLog } from '../../src/cli/audit-chain.ts'
import type { AuditEntry, AuditHead } from '../../src/accounts/audit.ts'

const ENTRIES = 7

/** Oldest first. */
function written (): AuditEntry[] {
  const entries: AuditEntry[] = []
  for (let index = 1; index <= ENTRIES; index++) {
    const { seq, hash } = entries.at(-1) ?? GENESIS
    entries.push(chained({
      actor: 'root', role: 'admin', address: '127.0.0.1', requestId: undefined, action: 'team.set', object: `team:t${index}`, outcome: 'done', detail: { after: { index } }, timeMs: index
    }, { seq, hash }))
  }
  return entries
}

/** Newest first, as they are told of. */
async function * pagesOf (oldestFirst: readonly AuditEntry[], size: number): AsyncGenerator<readonly AuditEntry[]> {
  const newestFirst = [...oldestFirst].reverse()
  for (let index = 0; index < newestFirst.length; index += size) yield newestFirst.slice(index, index + size)
}

const verify = (entries: readonly AuditEntry[], size: number, seen?: AuditHead) => verifyLog(pagesOf(entries, size), seen)

t.test('a whole log is one chain, however it is cut into pages', async (t) => {
  const entries = written()
  const head = { seq: ENTRIES, hash: entries.at(-1)?.hash ?? '' }
  for (const size of [1, 2, 3, ENTRIES, 100]) t.same(await verify(entries, size), { ok: true, head }, `${size} a page`)
  t.same(await verify([], 1), { ok: true, head: GENESIS })
})

t.test('whatever is done to one of its entries is noticed, at whatever page', async (t) => {
  const changes: Readonly<Record<string, (entries: AuditEntry[], index: number) => AuditEntry[]>> = {
    changed: (entries, index) => entries.with(index, { ...entries[index] as AuditEntry, actor: 'somebody' }),
    'changed and hashed anew': (entries, index) => entries.with(index, chained({ ...entries[index] as AuditEntry, actor: 'somebody' }, entries[index - 1] ?? GENESIS)),
    removed: (entries, index) => entries.toSpliced(index, 1),
    doubled: (entries, index) => entries.toSpliced(index, 0, entries[index] as AuditEntry),
    moved: (entries, index) => index === 0 ? entries.toReversed() : entries.with(index, entries[index - 1] as AuditEntry).with(index - 1, entries[index] as AuditEntry)
  }
  for (const [name, change] of Object.entries(changes)) {
    for (let index = 0; index < ENTRIES; index++) {
      // Of the last entry nothing follows that would tell.
      if (index === ENTRIES - 1 && ['removed', 'changed and hashed anew'].includes(name)) continue
      for (const size of [1, 2, 3, 100]) t.equal((await verify(change(written(), index), size)).ok, false, `${name}: entry ${index + 1}, ${size} a page`)
    }
  }
})

t.test('a head that was seen shows what the log itself cannot', async (t) => {
  const entries = written()
  const heads = entries.map(({ seq, hash }) => ({ seq, hash }))
  for (const seen of [GENESIS, ...heads]) t.equal((await verify(entries, 3, seen)).ok, true)
  const [fifth, last] = [heads[4] as AuditHead, heads[6] as AuditHead]
  t.same(await verify(entries.slice(0, 5), 3, last), { ok: false, seq: 7, why: 'it was seen before, and the log ends with 5' })
  t.same(await verify([], 3, fifth), { ok: false, seq: 5, why: 'it was seen before, and the log ends with 0' })
  // Somebody has written the whole log anew.
  const forged: AuditEntry[] = []
  for (const entry of entries) forged.push(chained({ ...entry, actor: 'somebody' }, forged.at(-1) ?? GENESIS))
  t.equal((await verify(forged, 3)).ok, true)
  t.match(await verify(forged, 3, fifth), { ok: false, seq: 5, why: /another one than was seen/ })
})

t.test('a head goes to a text and back', async (t) => {
  const head = { seq: 12, hash: 'ab'.repeat(32) }
  t.same(headFrom(headText(head)), head)
  t.same(headFrom(headText(GENESIS)), GENESIS)
  for (const bad of ['', '12', '12:', `x:${'ab'.repeat(32)}`, '12:zz', `0:${'ab'.repeat(32)}`]) t.equal(headFrom(bad), undefined, bad)
})
