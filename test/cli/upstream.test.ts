import t from 'tap'
import { ADMIN_TOKEN } from '../admin/admin-app.ts'
import { adminPlace } from './admin.ts'
import { run } from './process.ts'
import { upstreamKeyId } from '../../src/core/upstream-key.ts'

const KEY = 'sk-a-key-that-is-added-later'

interface Shown { readonly data: readonly { readonly name: string, readonly drained: boolean, readonly keys: readonly { readonly id: string, readonly state: string }[] }[] }

t.test('a key is added from standard input or a file, drained, resumed and removed, and never shown', async (t) => {
  const { dashgate, folder, url } = await adminPlace(t, { 'new-key': `${KEY}-2\n` })
  const list = async (): Promise<Shown['data']> => (JSON.parse((await dashgate('upstream', 'list', '--json')).stdout) as Shown).data
  const [{ name, keys: [configured] }] = await list() as [Shown['data'][number]]
  const id = upstreamKeyId(KEY)
  const piped = await run(['upstream', 'add-key', name, '--key-file', '-', '--weight', '3', '--url', url], { folder, input: `${KEY}\n`, environment: { DASHGATE_ADMIN_TOKEN: ADMIN_TOKEN } })
  t.same(piped, { code: 0, stdout: `Key ${id} is added to ${name}.\n`, stderr: '' })
  const second = await dashgate('upstream', 'add-key', name, '--key-file', 'new-key', '--json')
  t.match([second.code, JSON.parse(second.stdout)], [0, { id: upstreamKeyId(`${KEY}-2`), origin: 'stored', state: 'active', weight: 1 }])
  const shown = await dashgate('upstream', 'list')
  t.match(shown.stdout, /^UPSTREAM +PROTOCOL +KEY +ORIGIN +STATE +WEIGHT +IN FLIGHT +BASE URL\n/)
  t.match(shown.stdout, new RegExp(`^${name} +\\S+ +${id} +stored +active +3 +0 +http`, 'm'))
  t.notMatch(shown.stdout + second.stdout, KEY)

  t.same(await dashgate('upstream', 'drain', name, '--key', id), { code: 0, stdout: `Key ${id} of ${name} is drained: nothing new is sent, and what is under way goes on.\n`, stderr: '' })
  t.match((await list())[0]?.keys.find((key) => key.id === id), { state: 'drained' })
  t.same(await dashgate('upstream', 'resume', name, '--key', id), { code: 0, stdout: `Key ${id} of ${name} is in use again.\n`, stderr: '' })
  t.match((await list())[0]?.keys.find((key) => key.id === id), { state: 'active' })

  t.strictSame(JSON.parse((await dashgate('upstream', 'drain', name, '--json')).stdout), { upstream: name, key: null, drained: true })
  t.match(await list(), [{ drained: true }])
  t.match((await dashgate('upstream', 'list')).stdout, /^\S+ +\S+ +\S+ +configured +drained /m)
  t.match(await dashgate('upstream', 'resume', name), { code: 0, stdout: `${name} is in use again.\n` })

  t.same(await dashgate('upstream', 'remove-key', name, id), { code: 0, stdout: `Key ${id} of ${name} is removed.\n`, stderr: '' })
  t.match(await dashgate('upstream', 'remove-key', name, configured?.id ?? ''), { code: 1, stderr: /in the configuration file/ })
  t.notOk((await list())[0]?.keys.some((key) => key.id === id))
})

t.test('what is not there, and what is no key, is said', async (t) => {
  const { dashgate } = await adminPlace(t, { short: 'x', 'two-lines': 'sk-one-key-of-two\nsk-two' })
  t.match(await dashgate('upstream', 'drain', 'none'), { code: 1, stderr: 'error: There is no such upstream.\n' })
  t.match(await dashgate('upstream', 'add-key', 'none', '--key-file', 'gone'), { code: 2, stderr: /gone cannot be read/ })
  t.match(await dashgate('upstream', 'add-key', 'none', '--key-file', 'two-lines'), { code: 2, stderr: /two-lines must hold the secret, on one line/ })
  const short = await dashgate('upstream', 'add-key', 'none', '--key-file', 'short', '--json')
  t.match([short.code, JSON.parse(short.stdout)], [2, { error: /^key must match/ }])
})
