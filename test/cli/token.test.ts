import t from 'tap'
import { ADMIN_TOKEN } from '../admin/admin-app.ts'
import { adminPlace } from './admin.ts'
import { run } from './process.ts'

t.test('a token is made and shown once, listed without itself, used, and revoked', async (t) => {
  const { dashgate, call, folder, url } = await adminPlace(t)
  await call('POST', '/teams', { id: 'search' })
  t.equal((await dashgate('token', 'list')).stdout, 'There are no tokens but the root token.\n')
  const made = await dashgate('token', 'create', '--role', 'team', '--team', 'search', '--name', 'Lead', '--expires-at', '2027-05-22T00:00:00+08:00')
  t.equal(made.code, 0, made.stderr)
  const [, id = '', token = ''] = /^Token (\S+) \(lead of search\)\. It is shown only now:\n\n {2}(dga-\1-\S+)\n\n$/.exec(made.stdout) ?? []
  t.not(id, '')
  t.equal((await dashgate('token', 'list')).stdout, [
    `${'TOKEN'.padEnd(id.length)}  ROLE            CREATED                   EXPIRES                    NAME`,
    `${id}  lead of search  2026-01-01T00:00:00.000Z  2027-05-22T00:00:00+08:00  Lead`, ''
  ].join('\n'))
  const asLead = async (...words: string[]) => await run([...words, '--url', url, '--token-file', '-'], { folder, input: token, environment: { DASHGATE_ADMIN_TOKEN: `not-${ADMIN_TOKEN}` } })
  t.match(await asLead('key', 'list', 'search'), { code: 0, stdout: 'Team search has no keys.\n' })
  t.match(await asLead('team', 'create', 'other'), { code: 1, stderr: /^error: / })
  t.same(await dashgate('token', 'revoke', id), { code: 0, stdout: `Token ${id} is revoked.\n`, stderr: '' })
  t.match(await asLead('key', 'list', 'search'), { code: 1, stderr: /refuses the admin token, which is from standard input/ })
  t.match(await dashgate('token', 'revoke', id), { code: 1, stderr: 'error: There is no such token.\n' })
})

t.test('--json gives the same to scripts', async (t) => {
  const { dashgate } = await adminPlace(t)
  const made = JSON.parse((await dashgate('token', 'create', '--role', 'viewer', '--json')).stdout)
  t.match(made, { role: 'viewer', token: new RegExp(`^dga-${made.id}-`) })
  const { token: _, ...shown } = made
  t.strictSame(JSON.parse((await dashgate('token', 'list', '--json')).stdout), { data: [shown] })
  t.strictSame(JSON.parse((await dashgate('token', 'revoke', made.id, '--json')).stdout), { id: made.id, revoked: true })
})

t.test('a lead without a team, and a team without a lead, end with 2', async (t) => {
  const { dashgate } = await adminPlace(t)
  for (const words of [['--role', 'team'], ['--role', 'viewer', '--team', 'search'], ['--role', 'viewer', '--expires-at', 'tomorrow']]) {
    t.match(await dashgate('token', 'create', ...words), { code: 2, stdout: '' }, words.join(' '))
  }
  t.match(await dashgate('token', 'create', '--role', 'team', '--team', 'none'), { code: 1, stderr: 'error: There is no such team.\n' })
})
