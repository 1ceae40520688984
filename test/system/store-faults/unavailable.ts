import type { Test } from 'tap'
import type { Reply } from '../../support/http.ts'
import type { Side } from '../../support/scene.ts'

/** 503 in the words of each side, with a time to come again. */
export function assertUnavailable (t: Test, surface: Side, reply: Reply, what = ''): void {
  t.equal(reply.status, 503, `${what} ${surface}`)
  t.match(reply.headers.get('retry-after'), /^[1-3]$/, `${what} ${surface}: when to come again`)
  if (surface === 'openai') t.match(reply.json, { error: { code: 'service_unavailable', type: 'server_error' } })
  else t.match(reply.json, { code: 'ServiceUnavailable' })
  t.equal(reply.json.request_id, reply.headers.get('x-request-id'))
}

/** A stream that has come to its own end, in the words of each side. */
export function assertWhole (t: Test, surface: Side, reply: Reply): void {
  t.equal(reply.status, 200, surface)
  const last = String(reply.events.at(-1)?.data)
  if (surface === 'openai') t.equal(last, '[DONE]')
  else t.match(JSON.parse(last), { output: { choices: [{ finish_reason: /stop|length/ }] } })
}
