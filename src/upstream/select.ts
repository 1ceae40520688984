import type { Model, Target } from '../core/catalog.ts'
import type { Keyring } from './keyring.ts'
import type { UpstreamKey } from '../core/target.ts'

export interface Candidate { readonly target: Target, readonly key: UpstreamKey }

/** Most tries one request may cost its upstreams. */
export const ATTEMPTS_MAX = 3
/** Fewer, so that a pool of bad keys leaves a try for the next target. */
export const KEYS_PER_TARGET_MAX = 2

/**
 * The order in which to try a model's targets and their keys: lower priority numbers first, drawn by weight among equals.
 * @param random gives numbers in [0, 1)
 */
export function candidatesFor (model: Model, { keysOf }: Pick<Keyring, 'keysOf'>, random: () => number): Candidate[] {
  const priorities = [...new Set(model.targets.map((target) => target.priority))].sort((a, b) => a - b)
  const candidates: Candidate[] = []
  for (const priority of priorities) {
    const targets = drawn(model.targets.filter((target) => target.priority === priority), random)
    for (const target of targets) {
      const keys = drawn(keysOf(target.upstream), random).slice(0, KEYS_PER_TARGET_MAX)
      for (const key of keys) candidates.push({ target, key })
    }
  }
  return candidates.slice(0, ATTEMPTS_MAX)
}

/** All of `items` in a random order in which heavier ones tend to come first. */
function drawn<T extends { readonly weight: number }> (items: readonly T[], random: () => number): T[] {
  if (items.length < 2) return [...items]
  const rest = [...items]
  const order: T[] = []
  while (rest.length > 0) {
    let ticket = random() * rest.reduce((sum, item) => sum + item.weight, 0)
    let place = rest.findIndex((item) => (ticket -= item.weight) < 0)
    if (place < 0) place = rest.length - 1
    order.push(...rest.splice(place, 1))
  }
  return order
}
