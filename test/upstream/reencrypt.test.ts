import t from 'tap'
import { createManualClock } from '../support/fixed.ts'
import { createMemoryAccounts } from '../accounts/memory-store.ts'
import { createVault } from '../../src/upstream/vault.ts'
import { openDirectory } from '../../src/accounts/directory.ts'
import { reencryptStoredKeys } from '../../src/upstream/reencrypt.ts'
import { untouched, withKey } from '../../src/accounts/upstream-changes.ts'
import type { Directory } from '../../src/accounts/directory.ts'
import type { Vault } from '../../src/upstream/vault.ts'

const [OLD, NEW] = ['the secret of before, in these tests', 'the secret of now, in these tests']
const oldVault = createVault({ current: OLD, previous: undefined })
const bothVault = createVault({ current: NEW, previous: OLD })
const newVault = createVault({ current: NEW, previous: undefined })

async function storeKeys (directory: Directory, vault: Vault, ...keys: string[]): Promise<void> {
  for (const key of keys) {
    const before = directory.upstream('dashscope') ?? untouched('dashscope')
    await directory.putUpstream(withKey(before, { ...vault.seal('dashscope', key), weight: 1, createdMs: 0 }), undefined)
  }
}

function openedBy (vault: Vault, directory: Directory): (string | undefined)[] {
  return (directory.upstream('dashscope')?.keys ?? []).map((stored) => vault.open('dashscope', stored).key)
}

t.test('stored keys move to the current secret at the start, and then need no other', async (t) => {
  const store = createMemoryAccounts()
  const directory = await openDirectory(store, createManualClock())
  await storeKeys(directory, oldVault, 'sk-one', 'sk-two')
  await storeKeys(directory, newVault, 'sk-three')
  t.same(openedBy(newVault, directory), [undefined, undefined, 'sk-three'])
  const kept = directory.upstream('dashscope')?.keys[2]
  await reencryptStoredKeys(directory, bothVault)
  t.same(openedBy(newVault, directory), ['sk-one', 'sk-two', 'sk-three'])
  t.same(directory.upstream('dashscope')?.keys[2], kept, 'what is right is left alone')
  const [last] = await store.audit({ limit: 1 })
  t.match(last, { actor: 'gateway', action: 'upstream.reencrypt', object: 'upstream:dashscope', detail: { before: {}, after: {} } })
  await reencryptStoredKeys(directory, bothVault)
  t.equal((await store.audit({ limit: 1 }))[0]?.seq, last?.seq, 'and nothing is written where nothing is to do')
})

t.test('what neither secret opens stays as it is', async (t) => {
  const directory = await openDirectory(createMemoryAccounts(), createManualClock())
  await storeKeys(directory, createVault({ current: 'a secret of somebody else', previous: undefined }), 'sk-one')
  await storeKeys(directory, oldVault, 'sk-two')
  await reencryptStoredKeys(directory, bothVault)
  t.same(openedBy(newVault, directory), [undefined, 'sk-two'])
})

t.test('gateways that start together do it once', async (t) => {
  const store = createMemoryAccounts()
  await storeKeys(await openDirectory(store, createManualClock()), oldVault, 'sk-one')
  const directories = await Promise.all(Array.from({ length: 4 }, () => openDirectory(store, createManualClock())))
  await Promise.all(directories.map((directory) => reencryptStoredKeys(directory, bothVault)))
  const actions = (await store.audit({ limit: 10 })).map(({ action }) => action)
  t.same(actions, ['upstream.reencrypt', 'upstream.add_key'])
  for (const directory of directories) t.same(openedBy(newVault, directory), ['sk-one'])
})

t.test('a store that is away is waited for by whoever starts', async (t) => {
  const store = createMemoryAccounts()
  const directory = await openDirectory(store, createManualClock())
  await storeKeys(directory, oldVault, 'sk-one')
  store.failWith(new Error('away'))
  await t.rejects(reencryptStoredKeys(directory, bothVault), { message: 'away' })
})
