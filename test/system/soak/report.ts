import { sum } from './audit-sums.ts'
import type { ClassSums } from './audit.ts'
import type { Soak } from './soak.ts'

/** The run in lines of words and figures, for whoever watches. */
export function reportOf (run: Soak): string[] {
  const { store, seed, size, audit, endings, upstreamFaults, upstreamRequests, disasters, cuts, loadMs, quietMs } = run
  const sendings = sum([...endings.values()])
  return [
    `store ${store}, seed ${seed}: ${size.requests} requests, sent ${sendings} times by ${size.clients} clients in ${seconds(loadMs)}; nothing was held any more after ${seconds(quietMs)}`,
    `gateways killed ${disasters.killed}, ended ${disasters.terminated}; store away ${disasters.away}; connections cut ${cuts === undefined ? 0 : sum(Object.values(cuts))}`,
    `ended for their clients: ${listed(endings)}`,
    `requests to the upstream: ${upstreamRequests}, of these with a fault ${sum([...upstreamFaults.values()])}: ${listed(upstreamFaults)}`,
    `records: ${sum([...audit.outcomes.values()])}: ${listed(audit.outcomes)}`,
    ...[...audit.classes].map(([kind, sums]) => `  ${kind}: ${against(sums)}`),
    `  of these streams that were left in the middle: ${against(audit.left)}`,
    ...audit.unrecorded === 0 ? [] : [`  not recorded: ${audit.unrecorded} requests without any limit that went with their gateway`],
    ...audit.sums.flatMap(({ team, tokens, costNano, requests, budgets }) => [
      `${team}: ${requests.ledger} requests, ${tokens.ledger} tokens, ${costNano.ledger} nano by the ledger; ` +
        `${requests.rollups}, ${tokens.rollups}, ${costNano.rollups} by the hours`,
      ...budgets.filter(({ budget }) => !budget.includes(' key ')).map(({ budget, spent, ledger }) => `  ${budget}: ${spent} spent, ${ledger} in the ledger`)
    ]),
    `differences: ${audit.faults.length + run.faults.length}`
  ]
}

function against ({ records, tokens, upstreamTokens }: ClassSums): string {
  const difference = tokens - upstreamTokens
  const share = upstreamTokens === 0 ? '' : ` (${(100 * difference / upstreamTokens).toFixed(3)} %)`
  return `${records} records with ${tokens} tokens, by the upstream ${upstreamTokens}: ${difference >= 0 ? '+' : ''}${difference}${share}`
}

function listed (counts: ReadonlyMap<string, number>): string {
  return [...counts].sort(([, one], [, other]) => other - one).map(([name, count]) => `${count} ${name}`).join(', ')
}

function seconds (durationMs: number): string {
  return `${(durationMs / 1_000).toFixed(1)} s`
}
