import t from 'tap'
import { reachableHost, reachableUrl } from '../../src/cli/urls.ts'

t.test('the address for all interfaces becomes one that can be called', async (t) => {
  t.equal(reachableUrl('http://0.0.0.0:8787'), 'http://127.0.0.1:8787')
  t.equal(reachableUrl('http://[::]:8787'), 'http://[::1]:8787')
})

t.test('other addresses stay, with brackets where a URL needs them', async (t) => {
  t.equal(reachableUrl('http://10.1.2.3:80'), 'http://10.1.2.3')
  t.equal(reachableUrl('http://[::1]:8787'), 'http://[::1]:8787')
  t.equal(reachableHost('fe80::1'), '[fe80::1]')
  t.equal(reachableHost('[::1]'), '[::1]')
  t.equal(reachableHost('gateway.internal'), 'gateway.internal')
})
