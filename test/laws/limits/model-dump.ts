import { bucketAfter, held, inFlight, spent } from './history.ts'
import { byText, ordered } from './dump.ts'
import { plain } from './subject.ts'
import { usageOf } from './model-usage.ts'
import type { ModelTeam } from './model-team.ts'
import type { TeamDump } from './dump.ts'

export function dumpOf (team: ModelTeam): TeamDump {
  const { version, epoch, holdUntilMs, reservations, finals, history, ledger } = team
  return {
    version,
    epoch,
    holdUntilMs,
    counters: ordered(countersOf(team)),
    windows: ordered([...history.knownWindows].map(([id, known]) => [id, known.map((window) => `${window.id}=${window.endMs}`).join(' ')])),
    reservations: [...reservations].map(([rid, found]) => plain({ rid, ...found })).sort(byText(({ rid }) => rid)),
    finals: [...finals.keys()].sort(),
    ledger: [...ledger].map(([rid, record]) => ({ rid, record: plain(record) })).sort(byText(({ rid }) => rid)),
    usage: usageOf([...ledger.values()])
  }
}

function countersOf ({ reservations, history }: ModelTeam): [string, number][] {
  const counters: [string, number][] = []
  for (const id of new Set(history.bucketChanges.map((change) => change.id))) {
    const bucket = bucketAfter(history, id)
    if (bucket !== undefined) counters.push([`rl:${id}`, bucket.level], [`rt:${id}`, bucket.timeMs])
  }
  for (const name of history.touched) {
    const [kind, id = '', windowId = ''] = name.split(':')
    if (kind === 'c') counters.push([name, inFlight(reservations, id)])
    if (kind === 'bs') counters.push([name, spent(history, id, windowId)])
    if (kind === 'br') counters.push([name, held(history, reservations, { id, windowId })])
  }
  return counters
}
