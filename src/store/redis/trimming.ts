import { CALL_TIMEOUT_MS, within } from './failures.ts'
import { DAY_MS } from '../retention.ts'
import { teamKeys } from './keys.ts'
import type { ReplyDeps } from './failures.ts'
import type { Retention } from '../retention.ts'

/** Entries that one command takes out. */
const STEP_ENTRIES = 10_000
/** What is left after so many waits for the next time. */
const STEPS_MAX = 1_000

/**
 * Forgets a team's records that are older than they are to be kept; sums and refusals expire by themselves.
 * @throws StoreUnavailable
 */
export async function trimLedger (team: string, { ledgerMs }: Retention, deps: ReplyDeps): Promise<void> {
  const { connection: { client }, clock } = deps
  const { events } = teamKeys(team)
  const olderThanMs = clock.nowMs() - ledgerMs
  // Whole nodes of the stream go first, so many at a time; what is left then is less than a node.
  let trimmed = STEP_ENTRIES
  for (let steps = 0; steps < STEPS_MAX && trimmed > 0; steps++) {
    trimmed = await within(CALL_TIMEOUT_MS, client.xtrim(events, 'MINID', '~', olderThanMs, 'LIMIT', STEP_ENTRIES), deps)
  }
  if (trimmed === 0) await within(CALL_TIMEOUT_MS, client.xtrim(events, 'MINID', olderThanMs), deps)
  // The stream of a team that is gone goes when its last record does.
  await within(CALL_TIMEOUT_MS, client.pexpire(events, ledgerMs + DAY_MS), deps)
}
