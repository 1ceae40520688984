import t from 'tap'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { ADMIN_TOKEN } from '../admin/admin-app.ts'
import { adminPlace } from './admin.ts'
import { run } from './process.ts'

const LIST = ['team', 'list']

t.test('the token comes from the environment, a file it names, the configuration, or the data folder', async (t) => {
  const { folder, url } = await adminPlace(t, {
    token: `${ADMIN_TOKEN}\n`,
    'secrets.yaml': `secrets: { admin_token: ${ADMIN_TOKEN} }`,
    data: { 'admin-token': `${ADMIN_TOKEN}\n` },
    empty: {}
  })
  const none = { DASHGATE_DATA_DIR: 'empty' }
  const places: Record<string, string>[] = [{ ...none, DASHGATE_ADMIN_TOKEN: ADMIN_TOKEN }, { ...none, DASHGATE_ADMIN_TOKEN_FILE: 'token' }, { ...none, DASHGATE_CONFIG: 'secrets.yaml' }, {}, { DASHGATE_DATA_DIR: 'data' }]
  for (const environment of places) t.match(await run([...LIST, '--url', url], { folder, environment }), { code: 0, stderr: '' }, JSON.stringify(environment))
  t.match(await run([...LIST, '--url', url], { folder, environment: none }), { code: 2, stderr: /^error: There is no admin token: set DASHGATE_ADMIN_TOKEN or .*empty\/admin-token/ })
})

t.test('a token for one command comes out of a file, or of standard input', async (t) => {
  const { folder, url } = await adminPlace(t, { token: `${ADMIN_TOKEN}\n`, two: 'a\nb\n', none: '' })
  const place = { folder, environment: { DASHGATE_ADMIN_TOKEN: `not-${ADMIN_TOKEN}` } }
  t.match(await run([...LIST, '--url', url, '--token-file', 'token'], place), { code: 0, stderr: '' })
  t.match(await run([...LIST, '--url', url, '--token-file', '-'], { ...place, input: ADMIN_TOKEN }), { code: 0, stderr: '' })
  t.match(await run([...LIST, '--url', url, '--token-file', '-'], { ...place, input: 'dga-wrong' }), { code: 1, stderr: /refuses the admin token, which is from standard input\./ })
  for (const file of ['two', 'none']) t.match(await run([...LIST, '--url', url, '--token-file', file], place), { code: 2, stderr: `error: ${file} must hold the secret, on one line, and nothing else.\n` })
  t.match(await run([...LIST, '--url', url, '--token-file', 'gone'], place), { code: 2, stderr: /gone cannot be read/ })
})

t.test('a wrong token says where it came from, and is not repeated', async (t) => {
  const { folder, url } = await adminPlace(t)
  const wrong = `not-${ADMIN_TOKEN}`
  const { code, stdout, stderr } = await run([...LIST, '--url', url], { folder, environment: { DASHGATE_ADMIN_TOKEN: wrong } })
  t.same([code, stdout, stderr], [1, '', `error: The gateway at ${url} refuses the admin token, which is from DASHGATE_ADMIN_TOKEN or the configuration.\n`])
})

t.test('a gateway that is not there is said to be', async (t) => {
  const { app, dashgate, url } = await adminPlace(t)
  await app.close()
  t.same(await dashgate(...LIST), { code: 1, stdout: '', stderr: `error: No gateway answers at ${url}. Is it running, and is its admin listener there?\n` })
  const json = await dashgate(...LIST, '--json')
  t.same([json.code, JSON.parse(json.stdout)], [1, { error: `No gateway answers at ${url}. Is it running, and is its admin listener there?` }])
})

t.test('what is no gateway is said to be none, and no redirection is followed', async (t) => {
  const { dashgate } = await adminPlace(t)
  const other = createServer((request, response) => {
    if (request.url?.includes('limit') === true) response.writeHead(302, { location: 'http://127.0.0.1:1/' })
    response.end('<html>')
  }).listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => { other.close() })
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  t.same(await dashgate(...LIST, '--url', url), { code: 1, stdout: '', stderr: `error: What answers at ${url} is no admin API of a gateway.\n` })
  for (const bad of ['localhost:1', 'ftp://x', '']) t.match(await dashgate(...LIST, '--url', bad), { code: 2, stderr: /is no URL such as/ }, bad)
})

t.test('a bad configuration ends with 2', async (t) => {
  const { dashgate } = await adminPlace(t, { 'dashgate.yaml': 'log_level: loud' })
  t.match(await dashgate(...LIST), { code: 2, stderr: /^\.\/dashgate\.yaml:1:12 log_level/ })
})
