import fc from 'fast-check'
import { limitsArbitrary, plain, SHORTEST_MASK, SHORTEST_MS } from './settings.ts'
import type { Limit } from './settings.ts'
import type { ReserveCall } from '../../../src/limits/store.ts'

/** What a new request asks: `mask` says of which of the team's limits, and `sizes` how much. */
export interface Asked { readonly team: number, readonly mask: number, readonly sizes: readonly Size[], readonly age: Age }

/** What somebody does next. Numbers called `pick` choose among what there is then, so that a shorter list of steps still makes sense. */
export type Step =
  | Asked & { readonly does: 'reserve', readonly mode: ReserveCall['mode'], readonly skewMs: number }
  /** A request that is known already, in whatever state. */
  | { readonly does: 'reserve_known', readonly pick: number, readonly mode: ReserveCall['mode'], readonly skewMs: number }
  | { readonly does: 'settle', readonly pick: number, readonly used: readonly Used[], readonly isOtherWindow: boolean }
  /** Of a request that never asked: a void then comes before its reservation. */
  | Asked & { readonly does: 'settle_unknown', readonly isVoid: boolean }
  /** The reply was lost. */
  | { readonly does: 'repeat', readonly back: number }
  | { readonly does: 'renew', readonly team: number, readonly picks: readonly number[], readonly hasStranger: boolean }
  | { readonly does: 'hold', readonly team: number, readonly durationMs: number }
  /** So many requests at once, which nobody settles. */
  | { readonly does: 'abandon', readonly team: number, readonly count: number, readonly mask: number }
  /** Time goes by, and in so many windows of the shortest budget something is taken. */
  | { readonly does: 'pass', readonly team: number, readonly count: number, readonly offsetMs: number }
  | { readonly does: 'set', readonly team: number, readonly limits: readonly Limit[] }
  | { readonly does: 'nonsense', readonly pick: number, readonly fault: Fault }
  | { readonly does: 'clock', readonly to: ClockTarget, readonly pick: number, readonly offsetMs: number }
  /** The stores are looked at in full. */
  | { readonly does: 'look' }
  /** The process dies, and another one opens the store. */
  | { readonly does: 'restart' }

/** Eighths of what a limit allows, what is left of it and a little more or less, or so much. */
export type Size = { readonly eighths: number } | { readonly leftAnd: number } | { readonly exactly: number }
/** Eighths of what was reserved, or that and so much more. */
export type Used = { readonly eighths: number } | { readonly over: number }
/** How long before the gateway asks a request was born: exactly at one of the bounds, or just now. */
export type Age = 'now' | 'birth_max' | 'birth_over' | 'memory_max' | 'memory_over' | 'ahead_max' | 'ahead_over'
export type ClockTarget = 'step' | 'long' | 'back' | 'window' | 'due' | 'memory' | 'birth' | 'hold' | 'refill'
export const FAULTS = [
  'fewer', 'more', 'other_id', 'other_kind', 'negative', 'fraction', 'unsafe', 'not_a_number', 'reserve_negative', 'reserve_fraction', 'birth_fraction'
] as const
export type Fault = typeof FAULTS[number]

const TEAMS = 2
const LIMITS = 8
const pick = fc.nat({ max: 1_000 })
const team = fc.constantFrom(0, 0, 0, 1)
const mask = fc.oneof(fc.integer({ min: 0, max: 2 ** LIMITS - 1 }), fc.constantFrom(1, 2, 4, 32, SHORTEST_MASK, SHORTEST_MASK, SHORTEST_MASK | 10))
const skewMs = fc.constantFrom(0, 0, -2_000, 2_000, -1, 1, -1_000_000_000)
const sizes = fc.array(fc.oneof<fc.Arbitrary<Size>[]>(
  plain({ eighths: fc.constantFrom(0, 1, 1, 2, 2, 3, 4, 8) }),
  plain({ leftAnd: fc.constantFrom(-1, 0, 0, 1) })
), { minLength: LIMITS, maxLength: LIMITS })
const used = fc.oneof(
  fc.constant(Array.from({ length: LIMITS }, () => ({ eighths: 0 }))),
  fc.array(fc.oneof<fc.Arbitrary<Used>[]>(
    plain({ eighths: fc.constantFrom(0, 1, 4, 7, 8, 8) }),
    plain({ over: fc.constantFrom(1, 2, 9, 40) })
  ), { minLength: LIMITS, maxLength: LIMITS })
)
const now = fc.constant<Age>('now')
const age: fc.Arbitrary<Age> = fc.oneof(
  { weight: 12, arbitrary: now },
  { weight: 1, arbitrary: fc.constantFrom<Age[]>('birth_max', 'birth_over', 'memory_max', 'memory_over', 'ahead_max', 'ahead_over') }
)
const mode = fc.constantFrom<ReserveCall['mode'][]>('reserve', 'reserve', 'reserve', 'reserve', 'check', 'force')

const clock = plain({
  does: fc.constant('clock'),
  to: fc.constantFrom<ClockTarget[]>(
    'step', 'step', 'step', 'step', 'step', 'step', 'long', 'back', 'back', 'window', 'due', 'due', 'due', 'memory', 'birth', 'hold', 'refill', 'refill'),
  pick,
  offsetMs: fc.constantFrom(-1, 0, 1)
})

function does<Name extends Step['does']> (name: Name): fc.Arbitrary<Name> {
  return fc.constant(name)
}

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof<fc.WeightedArbitrary<Step>[]>(
  { weight: 30, arbitrary: plain({ does: does('reserve'), team, mask, mode, sizes, age, skewMs }) },
  { weight: 8, arbitrary: plain({ does: does('reserve_known'), pick, mode, skewMs }) },
  { weight: 22, arbitrary: plain({ does: does('settle'), pick, used, isOtherWindow: fc.boolean() }) },
  { weight: 4, arbitrary: plain({ does: does('settle_unknown'), team, mask, sizes, age, isVoid: fc.boolean() }) },
  { weight: 6, arbitrary: plain({ does: does('repeat'), back: fc.nat({ max: 4 }) }) },
  { weight: 6, arbitrary: plain({ does: does('renew'), team, picks: fc.array(pick, { maxLength: 5 }), hasStranger: fc.boolean() }) },
  { weight: 2, arbitrary: plain({ does: does('hold'), team, durationMs: fc.constantFrom(0, 1, 3_000) }) },
  { weight: 1, arbitrary: plain({ does: does('abandon'), team, count: fc.constantFrom(3, 31, 32, 33, 40), mask }) },
  { weight: 1, arbitrary: plain({ does: does('pass'), team, count: fc.integer({ min: 1, max: 6 }), offsetMs: fc.constantFrom(0, -1, SHORTEST_MS) }) },
  { weight: 2, arbitrary: plain({ does: does('set'), team, limits: limitsArbitrary }) },
  { weight: 2, arbitrary: plain({ does: does('nonsense'), pick, fault: fc.constantFrom(...FAULTS) }) },
  { weight: 20, arbitrary: clock },
  { weight: 2, arbitrary: plain({ does: does('look') }) }
)

/** Nothing expires, and nobody lies about windows: what a gateway does that has no trouble. */
const calmStep: fc.Arbitrary<Step> = fc.oneof<fc.WeightedArbitrary<Step>[]>(
  { weight: 30, arbitrary: plain({ does: does('reserve'), team, mask, mode, sizes, age: now, skewMs: fc.constantFrom(-2_000, 0, 2_000) }) },
  { weight: 20, arbitrary: plain({ does: does('settle'), pick, used, isOtherWindow: fc.constant(false) }) },
  { weight: 3, arbitrary: plain({ does: does('settle_unknown'), team, mask, sizes, age: now, isVoid: fc.boolean() }) },
  { weight: 5, arbitrary: plain({ does: does('repeat'), back: fc.nat({ max: 4 }) }) },
  { weight: 2, arbitrary: plain({ does: does('renew'), team, picks: fc.array(pick, { maxLength: 5 }), hasStranger: fc.boolean() }) },
  { weight: 15, arbitrary: plain({ does: does('clock'), to: fc.constant('step' as const), pick: fc.nat({ max: 3 }), offsetMs: fc.constant(0) }) }
)

const STEPS_MAX = 120

/** One life of a few teams. */
export interface Life {
  readonly limits: readonly (readonly Limit[])[]
  /** How much longer than usual every small step of the clock takes. */
  readonly pace: number
  readonly steps: readonly Step[]
}

export const lifeArbitrary = lifeOf(stepArbitrary)

/** A life in which processes die, for a store that dies with them. */
export const mortalLifeArbitrary = lifeOf(fc.oneof<fc.WeightedArbitrary<Step>[]>(
  { weight: 30, arbitrary: stepArbitrary },
  { weight: 1, arbitrary: plain({ does: does('restart') }) }
))

/** Shorter than a lease, whatever the clock does. */
const CALM_STEPS_MAX = 100

export const calmLifeArbitrary: fc.Arbitrary<Life> = lifeOf(calmStep).map((life) => ({ ...life, pace: 1, steps: life.steps.slice(0, CALM_STEPS_MAX) }))

function lifeOf (step: fc.Arbitrary<Step>): fc.Arbitrary<Life> {
  return plain({
    limits: fc.array(limitsArbitrary, { minLength: TEAMS, maxLength: TEAMS }),
    pace: fc.constantFrom(1, 1, 1, 150),
    steps: fc.array(step, { minLength: 1, maxLength: STEPS_MAX, size: 'max' })
  })
}
