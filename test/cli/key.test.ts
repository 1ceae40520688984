import t from 'tap'
import { adminPlace } from './admin.ts'

t.test('a key is made with its secret, listed without it, and revoked', async (t) => {
  const { dashgate, call } = await adminPlace(t)
  await call('POST', '/teams', { id: 'search' })
  t.equal((await dashgate('key', 'list', 'search')).stdout, 'Team search has no keys.\n')
  const made = await dashgate('key', 'create', 'search', '--name', 'CI', '--expires-at', '2027-05-22T00:00:00+08:00')
  t.equal(made.code, 0)
  const [, id = ''] = /^Key ([a-z0-9]{8}) of team search\. Its secret is shown only now:\n\n {2}sk-dg-\1-\S{51}\n\n$/.exec(made.stdout) ?? []
  t.equal((await dashgate('key', 'list', 'search')).stdout, [
    'KEY       CREATED                   EXPIRES                    LIMITS     NAME',
    `${id}  2026-01-01T00:00:00.000Z  2027-05-22T00:00:00+08:00  no limits  CI`, ''
  ].join('\n'))
  t.same(await dashgate('key', 'revoke', id), { code: 0, stdout: `Key ${id} is revoked.\n`, stderr: '' })
  t.equal((await call('GET', `/keys/${id}`)).status, 404)
  t.match(await dashgate('key', 'revoke', id), { code: 1, stderr: 'error: There is no such key.\n' })
})

t.test('--json gives the same to scripts', async (t) => {
  const { dashgate, call } = await adminPlace(t)
  await call('POST', '/teams', { id: 'search' })
  const made = JSON.parse((await dashgate('key', 'create', 'search', '--concurrent-requests', '2', '--json')).stdout)
  t.match(made, { team: 'search', concurrent_requests: 2, secret: /^sk-dg-/ })
  const { secret: _, ...shown } = made
  t.strictSame(JSON.parse((await dashgate('key', 'list', 'search', '--json')).stdout), { data: [shown] })
  t.strictSame(JSON.parse((await dashgate('key', 'revoke', made.id, '--json')).stdout), { id: made.id, revoked: true })
})

t.test('a key gets another secret, and the older ones work on as long as they may', async (t) => {
  const { dashgate, call } = await adminPlace(t)
  await call('POST', '/teams', { id: 'search' })
  const { json: { id, secret } } = await call('POST', '/teams/search/keys', {})
  const rotated = await dashgate('key', 'rotate', id)
  t.equal(rotated.code, 0, rotated.stderr)
  const [, fresh] = new RegExp(`^Key ${id} has another secret, which is shown only now:\n\n  (sk-dg-${id}-\\S+)\n\nOlder secrets work until 2026-01-01T01:00:00\\.000Z\\.\n$`).exec(rotated.stdout) ?? []
  t.ok(fresh !== undefined && fresh !== secret, rotated.stdout)
  const longer = JSON.parse((await dashgate('key', 'rotate', id, '--grace', '7d', '--json')).stdout)
  t.match(longer, { id, secret: /^sk-dg-/, former: [{ until: '2026-01-08T00:00:00.000Z' }, { until: '2026-01-01T01:00:00.000Z' }] })
  t.match(await dashgate('key', 'rotate', id, '--grace', '0'), { code: 0, stdout: /\n\nOlder secrets work no more\.\n$/ })
  t.match(await dashgate('key', 'rotate', 'none'), { code: 1, stderr: 'error: There is no such key.\n' })
})

t.test('a key of no team, and one that expires at no time, are not made', async (t) => {
  const { dashgate, call } = await adminPlace(t)
  t.match(await dashgate('key', 'create', 'none'), { code: 1, stderr: 'error: There is no such team.\n' })
  await call('POST', '/teams', { id: 'search' })
  t.match(await dashgate('key', 'create', 'search', '--expires-at', 'tomorrow'), { code: 2, stderr: /^error: expires_at must be a time/ })
})

t.test('more keys than a page holds are all listed', async (t) => {
  const { dashgate, deps } = await adminPlace(t)
  await deps.directory.createTeam('search', {}, undefined)
  for (let key = 0; key < 250; key++) await deps.directory.createKey({ id: `key-${key}`, team: 'search', digest: `d${key}`, settings: {} }, undefined)
  const { data } = JSON.parse((await dashgate('key', 'list', 'search', '--json')).stdout)
  t.equal(new Set(data.map(({ id }: { id: string }) => id)).size, 250)
})
