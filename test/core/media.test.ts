import t from 'tap'
import fc from 'fast-check'
import { mediaUrlFault } from '../../src/core/media.ts'

const SCHEME = 'The media URL must be http, https, oss or a base64 data URL.'
const HOST = 'The media URL must name a public host.'
const BASE64 = 'The media data URL is not valid base64.'

const ACCEPTED = [
  'https://dashscope.oss-cn-beijing.aliyuncs.com/images/dog_and_girl.jpeg', 'http://example.com/a.png', 'https://example.com:8443/a?b=c#d', 'HTTPS://EXAMPLE.COM/A',
  'https://example.com./a.png', 'https://例子.测试/图.png', 'https://1.example.com/a', 'https://internal.example.com/a', 'https://localhost.example.com/', 'https://mylocal.net/',
  'oss://dashscope-instant/abc/2024/cat.png',
  'data:image/png;base64,iVBORw0KGgo=', 'DATA:IMAGE/PNG;BASE64,AAAA', 'data:audio/wav;base64,', 'data:;base64,AAAA', 'data:image/svg+xml;charset=utf-8;base64,AA=='
]

const REFUSED: Readonly<Record<string, readonly string[]>> = {
  [SCHEME]: ['', 'cat.png', '/etc/passwd', 'file:///etc/passwd', 'ftp://example.com/a', 'javascript:alert(1)', 'gopher://example.com/', 'blob:https://example.com/a', '//example.com/a',
    'https://', 'http://[::1', 'https://exa mple.com/'],
  [HOST]: [
    'http://127.0.0.1/', 'http://127.1/', 'http://2130706433/', 'http://0x7f000001/', 'http://0177.0.0.1/', 'http://127.0.0.1./', 'http://１２７.0.0.1/', 'http://0/', 'http://8.8.8.8/',
    'http://169.254.169.254/latest/meta-data/', 'http://100.100.100.200/', 'http://10.0.0.1:8080/', 'http://[::1]/', 'http://[::ffff:127.0.0.1]/', 'http://[fd00::1]/',
    'http://localhost/', 'http://LOCALHOST:6379/', 'http://localhost./', 'http://a.localhost/', 'http://redis/', 'http://metadata.google.internal/', 'http://metadata.google.internal./',
    'http://db.internal/', 'http://db。internal/', 'http://printer.local/', 'http://a.svc.cluster.local/', 'http://user:pass@127.0.0.1/', 'http://example.com@localhost/',
    'http://loc\talhost/', 'da\tta:text/html,x', ' data:image/png;base64,AAAA'
  ],
  [BASE64]: ['data:', 'data:,hello', 'data:text/plain,hello', 'data:image/png;base64,a b', 'data:image/png;base64,====', 'data:image/png;base64,AA=A', 'data:image/png;base64,AAAA\n',
    'data:image/png;base64,<svg>', 'data:image/png;base64', `data:${'a'.repeat(101)};base64,AAAA`, 'data:image/png;a=1;b=2;c=3;d=4;e=5;base64,AAAA', 'data:image/png;base64,模型']
}

t.test('media with a public name, in object storage or in the request itself is accepted', async (t) => {
  for (const url of ACCEPTED) t.equal(mediaUrlFault(url), undefined, url)
})

for (const [fault, urls] of Object.entries(REFUSED)) {
  t.test(fault, async (t) => { for (const url of urls) t.equal(mediaUrlFault(url), fault, url) })
}

t.test('no literal address is accepted, in whatever notation', async (t) => {
  const notation = fc.tuple(fc.ipV4Extended(), fc.constantFrom('http', 'https'), fc.constantFrom('', '.', ':8080')).map(([host, scheme, end]) => `${scheme}://${host}${end}/`)
  const address = fc.oneof(notation, fc.ipV6().map((host) => `http://[${host}]/`))
  fc.assert(fc.property(address, (url) => mediaUrlFault(url) !== undefined), { numRuns: 1000 })
  t.pass('1,000 addresses')
})

t.test('any text gets an answer', async (t) => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('', 'data:', 'http://', 'oss:'), (text, scheme) => {
    const fault = mediaUrlFault(scheme + text)
    return fault === undefined || [SCHEME, HOST, BASE64].includes(fault)
  }), { numRuns: 2000 })
  t.pass('2,000 texts')
})

t.test('twenty megabytes of base64 are judged whole', async (t) => {
  const picture = `data:image/png;base64,${'A'.repeat(20_000_000)}`
  t.equal(mediaUrlFault(picture), undefined)
  t.equal(mediaUrlFault(`${picture}!`), BASE64)
})
