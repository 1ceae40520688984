// Several runs of the overspend proof at its full size. Ends with exit code 1 where a limit was broken or the books do not
// agree. Arguments: --runs 3 --seed 1
import { loadavg, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { FULL, teamsOf } from '../test/system/overspend/scene.ts'
import { overshoot, percent, reportOf } from '../test/system/overspend/report.ts'
import { prove } from '../test/system/overspend/proof.ts'
import { writeSection } from './results.ts'
import type { Proof } from '../test/system/overspend/proof.ts'

type Audit = Proof['audits'][number]

const RUNS_MAX = 20

const { values } = parseArgs({ options: { runs: { type: 'string', default: '3' }, seed: { type: 'string', default: '1' } } })
const firstSeed = Number(values.seed)
const busyBefore = loadavg()[0] ?? 0
const proofs: Proof[] = []
for (let run = 0; run < Math.min(RUNS_MAX, Number(values.runs)); run++) {
  const proof = await prove(FULL, firstSeed + run)
  for (const line of reportOf(proof)) console.log(line)
  proofs.push(proof)
}
const faults = proofs.flatMap(({ watched, audits }) => [...watched.violations, ...audits.flatMap((audit) => audit.faults)])
for (const fault of faults) console.error(fault)
writeSection({
  title: 'Overspend under concurrency',
  command: `npm run bench:overspend -- --runs ${proofs.length} --seed ${firstSeed}`,
  versions: [`Redis ${proofs[0]?.redisVersion}`],
  lines: linesOf(proofs)
})
process.exitCode = faults.length === 0 ? 0 : 1

function linesOf (all: readonly Proof[]): string[] {
  const places = teamsOf(FULL).reduce((sum, { placesMax }) => sum + placesMax, 0)
  return [
    `* Seeds ${all.map(({ seed }) => seed).join(', ')}; ${Math.round(totalmem() / 2 ** 30)} GiB; load average ${busyBefore.toFixed(1)} before the first run`,
    '* Gateways, Redis, clients and the simulated upstream share these processors',
    '',
    `Three gateway processes, one Redis, one simulated upstream over both protocols. ${FULL.streams} clients at a time fight for ${places} places`,
    `and for ${FULL.budgetShare * 100} % of the tokens or the money they ask for, each of three teams for its own. Meanwhile a connection between a`,
    `gateway and Redis is cut every ${FULL.cutIntervalMs} ms, and each gateway is killed once (SIGKILL) and started again on its data folder: in the`,
    'middle of its answers; with settlements that Redis took without its hearing of it; and cut off from Redis, to come back',
    'only after its leases have run out. The counters in Redis are read every 20 ms over a connection of their own. In the end',
    'each budget is used up by one request after the other, and the books are compared with the upstream\'s own count, request',
    'by request. Beside it, the same load under a limiter that reads what is spent, compares, sends, and adds afterwards.',
    '',
    '| | median | lowest | highest |',
    '|---|---|---|---|',
    ...rows(all).map(([name, format, figures]) => `| ${name} | ${[median(figures), Math.min(...figures), Math.max(...figures)].map(format).join(' | ')} |`),
    '',
    'A lost request is one that a killed gateway could not account for: all that was held for it is charged, and the ledger says',
    'so in an `expired` event. The upstream\'s bill and these holds together are what is spent, to the token. A late one was in the',
    'spool of a gateway that came back after its lease had run out, or had to wait as long for Redis. Leases last 30 s: those of',
    'the dead mostly ran out under the load. Requests are the same for the same seed; how they meet is not.'
  ]
}

type Row = readonly [name: string, format: (figure: number) => string, figures: readonly number[]]

function rows (all: readonly Proof[]): Row[] {
  const count = (figure: number): string => figure.toLocaleString('en')
  const seconds = (figure: number): string => `${(figure / 1_000).toFixed(1)} s`
  const each = (pick: (proof: Proof) => number): number[] => all.map(pick)
  return [
    ['samples beyond a limit', count, each(({ watched }) => watched.violations.length)],
    ['samples', count, each(({ watched }) => watched.samples)],
    ['most spent and held, of what is allowed', percent, each(peakShare)],
    ['most streams open at the upstream at a time', count, each(({ watched }) => watched.peaks.get('all: open at the upstream') ?? 0)],
    ['spent in the end, of the budget that binds (lowest of the teams)', percent, each(({ audits }) => Math.min(...audits.map(bindingShare)))],
    ['differences between the books and the upstream or the clients', count, each((proof) => total(proof, ({ faults }) => faults.length))],
    ['requests with a record', count, each((proof) => total(proof, ({ settled }) => settled))],
    ['of these settled late', count, each((proof) => total(proof, ({ late }) => late))],
    ['lost requests, charged in full', count, each((proof) => total(proof, ({ unaccounted }) => unaccounted.length))],
    ['their share of all that were let in', percent, each(lostShare)],
    ['connections cut', count, each(({ cuts }) => cuts.anytime + cuts.command + cuts.answer)],
    ['answers 200', count, each(({ endings }) => endings.answered)],
    ['refused by a budget', count, each(({ endings }) => endings.no_budget)],
    ['refused for want of a place', count, each(({ endings }) => endings.no_place)],
    ['refused with 503, for want of Redis', count, each(({ endings }) => endings.unavailable)],
    ['the load took', seconds, each(({ loadMs }) => loadMs)],
    ['nothing was held any more, after the load', seconds, each(({ holdsGoneMs }) => holdsGoneMs)],
    ['check-then-act: beyond the budget (mean of the teams)', overshoot, each(naiveShare)]
  ]
}

function total ({ audits }: Proof, pick: (audit: Audit) => number): number {
  return audits.reduce((sum, audit) => sum + pick(audit), 0)
}

function lostShare (proof: Proof): number {
  const lost = total(proof, ({ unaccounted }) => unaccounted.length)
  return lost / (lost + total(proof, ({ settled }) => settled))
}

function bindingShare ({ budgets }: Audit): number {
  return Math.max(...budgets.map(({ spent, max }) => spent / max))
}

function peakShare ({ watched, audits }: Proof): number {
  return Math.max(...audits.flatMap(({ budgets }) => budgets.map(({ budget, max }) => (watched.peaks.get(`${budget} spent and held`) ?? 0) / max)))
}

/** Of the team with two budgets, the one that binds. */
function naiveShare ({ audits, checkThenAct }: Proof): number {
  const shares = audits.map(({ budgets }) => Math.max(...checkThenAct.filter(({ budget }) => budgets.some((one) => one.budget === budget)).map(({ spent, max }) => spent / max)))
  return shares.reduce((sum, share) => sum + share, 0) / shares.length
}

function median (figures: readonly number[]): number {
  const sorted = [...figures].sort((one, other) => one - other)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] ?? 0 : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
