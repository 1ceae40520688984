import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { countingMargin } from '../../src/tokens/bounds.ts'
import { createWorld } from './explained/world.ts'
import { ALIAS, MODELS, UNKNOWN, someMoment, someSettings } from './explained/settings.ts'
import type { Answer, Asking, Begun, Caller } from './explained/callers.ts'
import type { World } from './explained/world.ts'
import type { KeySettings, TeamSettings } from '../../src/accounts/account.ts'
import type { Policies } from '../../src/core/catalog.ts'

/** Lives of a team times questions in each of them: ten thousand states. */
const LIVES = 1_000
const QUESTIONS = 10
/** What runs for longer than stores remember reservations is charged, but has no record. */
const RUN_MS_MAX = 3_600_000

interface Step {
  /** How long nothing happens before. */
  readonly waitMs: number
  /** How many of the running requests end before, the oldest first. */
  readonly ends: number
  readonly key: 0 | 1
  readonly asking: Asking
  /** Whether it goes on running behind the next questions. */
  readonly runsOn: boolean
}

interface Life {
  readonly startMs: number
  readonly policies: Policies
  readonly team: TeamSettings
  readonly keys: readonly KeySettings[]
  readonly steps: readonly Step[]
}

const tokens = (max: number): fc.Arbitrary<number> => fc.oneof(fc.integer({ min: 1, max }), fc.integer({ min: 1, max: 40 }))

const someAsking: fc.Arbitrary<Asking> = fc.record({
  surface: fc.constantFrom('openai', 'dashscope'),
  model: fc.oneof({ weight: 5, arbitrary: fc.constant(MODELS[0]) }, { weight: 5, arbitrary: fc.constantFrom(...MODELS) }, { weight: 1, arbitrary: fc.constantFrom(ALIAS, UNKNOWN) }),
  // No prompt is held as more than its model's context.
  counted: fc.oneof({ weight: 49, arbitrary: tokens(3_000) }, { weight: 1, arbitrary: fc.constant(200_000) }),
  outputTokensMax: fc.oneof({ weight: 9, arbitrary: tokens(8_192) }, { weight: 1, arbitrary: fc.constant(undefined) }),
  // An answer in one piece cannot be cut, so that an upstream may charge more than was held.
  usage: fc.oneof(
    { weight: 9, arbitrary: fc.record({ inputTokens: tokens(3_000), outputTokens: tokens(2_000) }) },
    { weight: 1, arbitrary: fc.constant('failure' as const) }
  )
})

const someStep: fc.Arbitrary<Step> = fc.record({
  waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 0, max: 90_000 }), fc.integer({ min: 0, max: 40 * 86_400_000 })),
  ends: fc.integer({ min: 0, max: 2 }),
  key: fc.constantFrom(0, 1),
  asking: someAsking,
  runsOn: fc.boolean()
})

const someLife: fc.Arbitrary<Life> = someMoment.chain((startMs) => fc.record({
  startMs: fc.constant(startMs),
  policies: fc.record({
    outputOverCap: fc.constant('reject'),
    clientAbort: fc.constant('cancel'),
    budgetFit: fc.constantFrom('clamp', 'reject'),
    unpricedModel: fc.constantFrom('reject', 'allow')
  }),
  team: someSettings(startMs),
  keys: fc.tuple(someSettings(startMs), fc.constant({})),
  steps: fc.array(someStep, { minLength: QUESTIONS, maxLength: QUESTIONS })
}))

/** What was asked before a request, and the request itself. */
interface Case { readonly caller: Caller, readonly asking: Asking, readonly explained: any, readonly limits: readonly any[] }

const WAYS_OUT = ['admitted', 'shortened', 'failed', 'budget', 'rate', 'concurrency', 'impossible', 'permission_denied', 'model_not_found'] as const

/** How often each came to pass: what never did would not have been tested. */
const ways = new Map<(typeof WAYS_OUT)[number], number>()

function note (what: (typeof WAYS_OUT)[number]): void {
  ways.set(what, (ways.get(what) ?? 0) + 1)
}

async function live (world: World, life: Life): Promise<void> {
  world.restart(life.startMs, life.policies)
  const callers = await world.newTeam(life.team, life.keys)
  const running: (Case & Extract<Begun, { finish: unknown }>)[] = []
  for (const step of life.steps) {
    for (const ended of running.splice(0, step.waitMs > RUN_MS_MAX ? running.length : step.ends)) await checkEnd(world, ended)
    world.clock.advance(step.waitMs)
    const caller = callers[step.key] as Caller
    // A check changes nothing, not even what has run out; a gateway sees to that every few seconds.
    await world.sweep(caller.team)
    const asked: Case = { caller, asking: step.asking, ...await askAbout(world, caller, step.asking) }
    checkImplied(asked)
    const begun = await world.begin(caller, step.asking)
    if ('answer' in begun) await checkRefused(world, asked, begun.answer)
    else {
      assert.equal(asked.explained.allowed, true, 'it was let in')
      running.push({ ...asked, ...begun })
      if (!step.runsOn) for (const ended of running.splice(-1)) await checkEnd(world, ended)
    }
  }
  for (const ended of running) await checkEnd(world, ended)
}

/** The administrator's question and the caller's own. */
async function askAbout (world: World, { team, keyId, ...caller }: Caller, asking: Asking): Promise<{ explained: any, limits: any[] }> {
  const { status, json: explained } = await world.admin('POST', '/explain', {
    team,
    key: keyId,
    model: asking.model,
    input_tokens: asking.counted + countingMargin(false),
    ...(asking.outputTokensMax === undefined ? {} : { output_tokens_max: asking.outputTokensMax })
  })
  assert.equal(status, 200)
  const { json: { limits } } = await world.get({ team, keyId, ...caller }, '/dashgate/v1/limits')
  return { explained, limits }
}

/** Whether every limit that applies has as much left as is asked of it, by the figures that its caller sees. */
function checkImplied ({ explained, limits }: Case): void {
  if (explained.refused_by !== null) return note(explained.refused_by.code)
  const implied = explained.limits.map((asked: any) => {
    const seen = limits.find((limit) => nameOf(limit) === nameOf(asked))
    assert.ok(seen !== undefined, `${nameOf(asked)} is among the caller's limits`)
    for (const figure of ['unit', 'amount', 'used', 'held', 'remaining', 'resets_at']) assert.equal(seen[figure], asked[figure], `${nameOf(asked)} ${figure}`)
    const [requested, remaining] = [nanoOf(asked.requested), nanoOf(seen.remaining)]
    const unused = nanoOf(seen.amount) - nanoOf(seen.used) - nanoOf(seen.held)
    if (asked.kind !== 'rate') assert.equal(remaining, unused < 0n ? 0n : unused, `${nameOf(asked)} adds up`)
    // What costs nothing fits into what is used up, but not where more than all is.
    const allows = requested <= remaining && (asked.kind !== 'budget' || unused >= 0n)
    assert.equal(asked.allows, allows, `${nameOf(asked)} allows what is left`)
    return allows
  })
  assert.equal(explained.allowed, implied.every(Boolean))
  assert.equal(explained.decided_by === null, explained.allowed)
}

async function checkRefused (world: World, { caller, asking, explained }: Case, { status, json, headers }: Answer): Promise<void> {
  assert.equal(explained.allowed, false, `refused: ${JSON.stringify(json)}`)
  const seen = await world.get(caller, `/dashgate/v1/requests/${String(headers['x-request-id'])}`)
  if (explained.refused_by !== null) {
    const isUnknown = explained.refused_by.code === 'model_not_found'
    assert.equal(status, isUnknown ? 404 : 403)
    assert.equal(seen.status, isUnknown ? 404 : 200)
    if (!isUnknown) assert.deepEqual([seen.json.outcome, seen.json.error, seen.json.limits], ['refused', 'permission_denied', []], 'no limit was asked')
    return
  }
  const { decided_by: decisive } = explained
  const isNever = decisive.kind === 'rate' && decisive.retry_after_seconds === null
  assert.equal(status, isNever ? 400 : 429)
  assert.deepEqual(asking.surface === 'openai' ? json.error.limit : json.limit, decisive, 'the limit in the answer is the one explained')
  assert.equal(headers['retry-after'], isNever ? undefined : String(Math.min(60, Math.max(1, decisive.retry_after_seconds ?? 60))))
  assert.equal(headers['x-should-retry'], decisive.kind === 'budget' ? 'false' : undefined)
  assert.equal(seen.status, 200)
  const kind = decisive.kind === 'budget' ? 'budget_exhausted' : isNever ? 'invalid_request' : 'rate_limited'
  const message = asking.surface === 'openai' ? json.error.message : json.message
  assert.deepEqual({ outcome: seen.json.outcome, error: seen.json.error, message: seen.json.message }, { outcome: 'refused', error: kind, message })
  assert.deepEqual(seen.json.limits, explained.limits, 'the record has all limits as they were explained')
  note(isNever ? 'impossible' : decisive.kind)
}

/** Ends a request that was let in, at a time at which nothing else happens. */
async function checkEnd (world: World, { caller, asking, explained, finish }: Case & Extract<Begun, { finish: unknown }>): Promise<void> {
  const { status, headers } = await finish()
  assert.equal(status, asking.usage === 'failure' ? 502 : 200)
  const cap = asking.surface === 'openai' ? 'max_tokens' : 'parameters.max_tokens'
  assert.equal(headers['x-dashgate-clamped'], explained.output_tokens_fit === null ? undefined : `${cap}=${explained.output_tokens_fit}`)
  const { json: record } = await world.get(caller, `/dashgate/v1/requests/${String(headers['x-request-id'])}`)
  assert.deepEqual(record.limits, explained.limits, 'the record has all limits as they were explained')
  assert.equal(record.status, status)
  if (asking.usage === 'failure') {
    assert.deepEqual([record.outcome, record.usage.total_tokens, record.cost_nano], ['failed', 0, 0], 'what cost nothing is written down too')
    return note('failed')
  }
  const { inputTokens, outputTokens } = asking.usage
  assert.deepEqual([record.outcome, record.usage.input_tokens, record.usage.output_tokens], ['completed', inputTokens, outputTokens])
  note(explained.output_tokens_fit === null ? 'admitted' : 'shortened')
}

function nameOf ({ scope, per_model: perModel = '', id, kind }: any): string {
  return `${scope} ${perModel} ${kind} ${id}`
}

/** Both kinds of figures as exact numbers: money is text. */
function nanoOf (figure: number | string): bigint {
  const [whole = '0', fraction = ''] = String(figure).split('.')
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'))
}

t.setTimeout(300_000)

t.test('what is explained, what is decided, what is left and what is remembered agree', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.close())
  await fc.assert(fc.asyncProperty(someLife, (life) => live(world, life)), { numRuns: LIVES })
  for (const what of WAYS_OUT) t.ok((ways.get(what) ?? 0) > 10, `${what}: ${ways.get(what) ?? 0} of ${LIVES * QUESTIONS} states`)
})
