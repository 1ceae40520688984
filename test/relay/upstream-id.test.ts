import t from 'tap'
import { shownId } from '../../src/relay/upstream-id.ts'

t.test('the ids of the services there are, are shown', async (t) => {
  for (const id of [
    '0af76519-16cd-43dd-8448-eb211c80319c', '0AF76519-16CD-43DD-8448-EB211C80319C', 'req_0af7651916cd43dd8448eb211c80319c',
    'chatcmpl-0af76519-16cd-43dd-8448-eb211c80319c', 'chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012', 'cmpl-0af7651916cd'
  ]) t.equal(shownId(id), id)
})

t.test('what may be a key or somebody\'s words is not', async (t) => {
  for (const id of [
    undefined, '', 'up-1', 'hello', 'say hello', 'canary-of-a-prompt', 'sk-0af7651916cd43dd8448eb211c80319c', 'sk_0af7651916cd43dd',
    'SK-0af7651916cd43dd8448eb211c80319c', 'sk-dg-abcd1234-x', '0af76519-16cd-43dd-8448-', '0af76519--16cd', `${'0'.repeat(80)}`, '0af7651916cd\n'
  ]) t.equal(shownId(id), undefined, id ?? 'none')
})
