import type { Exchange } from '../relay/exchange.ts'
import type { Instruments } from './instruments.ts'
import type { NamesInUse } from './label-values.ts'
import type { Upstream } from '../core/catalog.ts'

/** What the metrics ask for when they are read. */
export interface LiveFigures extends NamesInUse {
  readonly running: Iterable<Exchange>
  /** What is done with each of an upstream's keys. */
  keyStates (upstream: Upstream): readonly { readonly state: KeyState }[]
}

const KEY_STATES = ['active', 'drained', 'unreadable'] as const
type KeyState = typeof KEY_STATES[number]

/** Sets the gauges of what is under way, and of what it may be sent with. */
export function setUnderWay (instruments: Instruments, { running, catalog, keyStates }: LiveFigures): void {
  const { inFlight, upstreamInFlight, upstreamKeys, holds, heldTokens } = instruments
  for (const gauge of [inFlight, upstreamInFlight, upstreamKeys]) gauge.reset()
  const targets = [...catalog.models.values()].flatMap((model) => model.targets)
  for (const upstream of new Set(targets.map((target) => target.upstream))) {
    upstreamInFlight.set({ upstream: upstream.name }, 0)
    for (const state of KEY_STATES) upstreamKeys.set({ upstream: upstream.name, state }, 0)
    for (const { state } of keyStates(upstream)) upstreamKeys.inc({ upstream: upstream.name, state })
  }
  let [held, tokens] = [0, 0]
  for (const exchange of running) {
    inFlight.inc({ surface: exchange.surface.name })
    const last = exchange.tries.at(-1)
    if (last !== undefined && last.endedMonotonicMs === undefined) upstreamInFlight.inc({ upstream: last.target.upstream.name })
    if (exchange.admission === undefined || exchange.outcome !== undefined) continue
    held++
    tokens += (exchange.inputTokensHeld ?? 0) + (exchange.admission.outputTokensHeld ?? 0)
  }
  holds.set(held)
  heldTokens.set(tokens)
}
