import type { BudgetClaim, BudgetStanding } from './claim.ts'
import type { Taking } from './outage.ts'

/** Budgets whose state is remembered: those seen most recently. One that is forgotten lets nothing through. */
const SHADOWS_MAX = 10_000

/** A budget's window as it was last seen, and what was let through since that the store has not counted yet. */
interface Shadow {
  readonly windowId: string
  remaining: number
  uncounted: number
}

/** Budgets by guess: this gateway's part of what was left when the store was last heard of. */
export function createShadows ({ replicas }: { readonly replicas: number }) {
  const shadows = new Map<string, Shadow>()
  const tokens = new Map<string, number>()

  function remember (key: string, shadow: Shadow): void {
    shadows.delete(key)
    shadows.set(key, shadow)
    for (const oldest of shadows.keys()) {
      if (shadows.size <= SHADOWS_MAX) break
      shadows.delete(oldest)
    }
  }

  return {
    observe (team: string, claim: BudgetClaim, { window: place, spent, held }: BudgetStanding): void {
      const window = claim.windows[place]
      if (window === undefined) return
      const key = `${team} ${claim.id}`
      const known = shadows.get(key)
      const remaining = window.amount - spent - held - claim.cost
      if (known?.windowId === window.id) known.remaining = remaining
      else remember(key, { windowId: window.id, remaining, uncounted: 0 })
    },
    take (team: string, claim: BudgetClaim, nowMs: number): Taking | undefined {
      const key = `${team} ${claim.id}`
      const window = claim.windows.find(({ startMs, endMs }) => startMs <= nowMs && nowMs < endMs)
      let shadow = shadows.get(key)
      if (window === undefined || shadow === undefined) return undefined
      // A window that nobody has asked for yet is whole.
      if (shadow.windowId !== window.id) remember(key, shadow = { windowId: window.id, remaining: window.amount, uncounted: 0 })
      if (claim.cost > Math.floor(Math.max(0, shadow.remaining) / replicas) - shadow.uncounted) return undefined
      return takingFrom(shadow, claim.cost)
    },
    /** Whatever the limits, a gateway lets no more than `capTokens` through that the store has not counted. */
    takeTokens (team: string, amount: number, capTokens: number): Taking | undefined {
      const uncounted = (tokens.get(team) ?? 0) + amount
      if (uncounted > capTokens) return undefined
      tokens.set(team, uncounted)
      return {
        used () {},
        ended () {
          const left = (tokens.get(team) ?? 0) - amount
          if (left > 0) tokens.set(team, left)
          else tokens.delete(team)
        }
      }
    }
  }
}

function takingFrom (shadow: Shadow, cost: number): Taking {
  let amount = cost
  shadow.uncounted += amount
  return {
    used (charge) {
      shadow.uncounted -= amount
      amount = charge?.kind === 'budget' ? charge.cost : 0
      shadow.uncounted += amount
    },
    ended () {
      shadow.uncounted -= amount
      // What the store says next has it in; until then it is taken off what it said last.
      shadow.remaining -= amount
    }
  }
}
