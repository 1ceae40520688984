import { markerIn } from '../../support/fleet/wording.ts'
import { UPSTREAM_KEY } from './scene.ts'
import type { Planned } from './plan.ts'
import type { RequestRecord } from '../../../src/simulator/records.ts'
import type { Upstream } from '../../support/fleet/upstream.ts'

/** What the upstream knows of one try of a request. */
export interface Seen extends Pick<RequestRecord, 'faults' | 'ending' | 'charge' | 'sequence'> {
  /** What it called the request in its answer. */
  readonly id: string
  readonly marker: string
}

/** Decides for the upstream what befalls each try, and keeps what it has seen without what makes it large. */
export interface Witness {
  /** All that was ever seen, by marker, oldest first. Those that are still open are left out. */
  seen (): ReadonlyMap<string, readonly Seen[]>
}

/** So many are looked at a time. */
const HARVEST = 1_000

export function startWitness ({ simulator, idOf }: Upstream, plannedFor: (marker: string) => Planned | undefined): Witness {
  const seen = new Map<string, Seen[]>()
  const tries = new Map<string, number>()
  let open: { readonly record: RequestRecord, readonly marker: string }[] = []

  function harvest (): void {
    for (const { record, marker } of open) {
      if (record.ending === 'open') continue
      const { faults, ending, charge, sequence } = record
      const ofMarker = seen.get(marker)
      const one = { id: idOf(record), marker, faults, ending, charge, sequence }
      if (ofMarker === undefined) seen.set(marker, [one])
      else ofMarker.push(one)
    }
    open = open.filter(({ record }) => record.ending === 'open')
  }

  simulator.script((record) => {
    const marker = markerIn(record.body)
    open.push({ record, marker })
    if (open.length >= HARVEST) harvest()
    // What is refused for its key has not been tried.
    if (record.key !== UPSTREAM_KEY) return undefined
    const before = tries.get(marker) ?? 0
    tries.set(marker, before + 1)
    const fault = plannedFor(marker)?.faults[before === 0 ? 0 : 1]
    // Only the compatible mode hands on an error as what the model said.
    return record.path.startsWith('/api/') ? fault?.replace('error-finish', 'error-frame') : fault
  })
  return {
    seen () {
      harvest()
      for (const ofMarker of seen.values()) ofMarker.sort((one, other) => one.sequence - other.sequence)
      return seen
    }
  }
}
