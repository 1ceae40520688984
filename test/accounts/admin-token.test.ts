import t from 'tap'
import { createTokenCheck } from '../../src/accounts/admin-token.ts'

const TOKEN = 'a-token-of-more-than-thirty-two-characters'

t.test('the token alone is the token', async (t) => {
  const isAdminToken = createTokenCheck(TOKEN)
  t.ok(isAdminToken(TOKEN))
  for (const wrong of ['', TOKEN.slice(1), `${TOKEN}x`, TOKEN.toUpperCase(), 'x'.repeat(TOKEN.length), 'x'.repeat(1_000_000), '模型']) t.notOk(isAdminToken(wrong))
})

t.test('a token that could be guessed is refused', async (t) => {
  for (const short of ['', 'x'.repeat(31)]) t.throws(() => createTokenCheck(short), { message: 'The admin token must have at least 32 characters.' })
  t.ok(createTokenCheck('x'.repeat(32))('x'.repeat(32)))
})
