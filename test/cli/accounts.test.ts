import t from 'tap'
import { launch, run } from './process.ts'

interface Facts { readonly openai_base_url: string, readonly admin_url: string }

t.test('on a gateway that was just started a team gets a key, whose requests stop at once when its secret is replaced or it is revoked', async (t) => {
  const folder = t.testdir({})
  const gateway = launch(['start', '--port', '0', '--admin-port', '0', '--json'], { folder })
  t.teardown(() => gateway.process.kill())
  const facts = JSON.parse(await gateway.line(/"openai_base_url"/)) as Facts
  const place = { folder, environment: { DASHGATE_ADMIN_PORT: new URL(facts.admin_url).port } }
  t.match(await run(['team', 'create', 'search', '--budget', 'daily=100000tokens/day@Asia/Shanghai', '--models', 'qwen-coder-*'], place), { code: 0, stderr: '' })
  const key = JSON.parse((await run(['key', 'create', 'search', '--json'], place)).stdout) as { id: string, secret: string }
  t.equal(await statusFor(facts, key.secret, 'qwen-coder-turbo'), 200)
  t.equal(await statusFor(facts, key.secret, 'qwen-max'), 403)
  t.match(await run(['explain', 'search', 'qwen-coder-turbo', '--key', key.id], place), { code: 0, stdout: /^qwen-coder-turbo for team search: allowed\./ })
  t.match(await run(['explain', 'search', 'qwen-max', '--key', key.id], place), { code: 0, stdout: /^qwen-max for team search: refused\./ })
  const rotated = JSON.parse((await run(['key', 'rotate', key.id, '--json'], place)).stdout) as { secret: string }
  for (const secret of [key.secret, rotated.secret]) t.equal(await statusFor(facts, secret, 'qwen-coder-turbo'), 200)
  const last = JSON.parse((await run(['key', 'rotate', key.id, '--grace', '0', '--json'], place)).stdout) as { secret: string }
  for (const secret of [key.secret, rotated.secret]) t.equal(await statusFor(facts, secret, 'qwen-coder-turbo'), 401)
  t.match(await run(['audit', 'verify'], place), { code: 0, stdout: /^The log is whole: \d+ entries/ })
  t.equal(await statusFor(facts, last.secret, 'qwen-coder-turbo'), 200)
  t.match(await run(['key', 'revoke', key.id], place), { code: 0 })
  t.equal(await statusFor(facts, last.secret, 'qwen-coder-turbo'), 401)
  t.equal(await gateway.stop('SIGTERM'), 0)
})

async function statusFor (facts: Facts, secret: string, model: string): Promise<number> {
  const response = await fetch(`${facts.openai_base_url}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, max_tokens: 10, messages: [{ role: 'user', content: 'Hello.' }] })
  })
  await response.text()
  return response.status
}
