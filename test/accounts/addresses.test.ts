import t from 'tap'
import { allowsAddress, parseNetwork } from '../../src/accounts/addresses.ts'

t.test('no list holds every address, also an unknown one', async (t) => {
  for (const address of ['10.0.0.1', '::1', undefined]) t.ok(allowsAddress(undefined, address))
})

t.test('a list holds its addresses and networks, however they arrive', async (t) => {
  const allowed = ['10.0.0.0/8', '192.168.1.7', '2001:db8::/32', '::ffff:172.16.0.0/108']
  for (const address of ['10.0.0.0', '10.255.255.255', '192.168.1.7', '2001:db8::1', '::ffff:10.1.2.3', '::ffff:c0a8:107', '172.16.5.5', '2001:db8::1%eth0']) {
    t.ok(allowsAddress(allowed, address), address)
  }
  for (const address of ['11.0.0.0', '192.168.1.8', '2001:db9::1', '::ffff:11.1.2.3', '::1', '172.32.0.1', '', 'localhost', '10.0.0.1.evil', undefined]) {
    t.notOk(allowsAddress(allowed, address), String(address))
  }
})

t.test('a network is an address with a prefix of its length or without one', async (t) => {
  for (const text of ['10.0.0.0/8', '0.0.0.0/0', '10.1.2.3/32', '10.1.2.3', '::/0', '2001:db8::1/128', '::1']) t.ok(parseNetwork(text), text)
  for (const text of ['', '10.0.0.0/33', '::/129', '10.0.0/8', '10.0.0.0/', '/8', '10.0.0.0/8/8', '10.0.0.0/-1', '10.0.0.0/a', 'host/8', 'fe80::1%eth0', ' 10.0.0.0/8', '10.0.0.0/8\n', '010.0.0.1']) {
    t.equal(parseNetwork(text), undefined, JSON.stringify(text))
  }
})
