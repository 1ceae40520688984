import type { Proof } from './proof.ts'

/** The run in lines of words, for whoever watches. */
export function reportOf (proof: Proof): string[] {
  const { seed, size, watched, audits, endings, cuts, checkThenAct, loadMs, holdsGoneMs } = proof
  const lines = [
    `seed ${seed}: ${size.streams} streams at a time, ${Object.values(endings).reduce((sum, count) => sum + count, 0)} requests in ${seconds(loadMs)} and a tail`,
    `endings: ${Object.entries(endings).map(([status, count]) => `${count} ${status}`).join(', ')}`,
    `connections to Redis cut: ${cuts.anytime} at any time, ${cuts.command} as a command came, ${cuts.answer} as an answer came`,
    `${watched.samples} samples, ${watched.violations.length} of them beyond a limit; nothing was held any more ${seconds(holdsGoneMs)} after the load`
  ]
  for (const [name, peak] of watched.peaks) lines.push(`peak of ${name}: ${peak}`)
  for (const { budgets, settled, late, voided, unaccounted } of audits) {
    for (const { budget, spent, billed, unaccounted: holds, upstream, max } of budgets) {
      lines.push(`${budget}: ${spent} of ${max} spent (${percent(spent / max)}) = ${billed} billed by the upstream + ${holds} of lost requests, whose holds ` +
        `were charged; the upstream charged ${upstream} in all`)
    }
    lines.push(`  ${settled} settled, of these ${late} late, ${voided} voided, ${unaccounted.length} lost:`)
    for (const { rid, holds, upstream } of unaccounted) {
      lines.push(`  ${rid} held ${[...holds.values()].join(' and ')}; ${upstream === undefined ? 'it never got upstream' : `the upstream counted ${upstream.inputTokens} + ${upstream.outputTokens} tokens`}`)
    }
  }
  for (const { budget, spent, max } of checkThenAct) lines.push(`check-then-act, ${budget}: ${spent} of ${max} spent (${overshoot(spent / max)})`)
  return lines
}

export function percent (share: number): string {
  return `${(share * 100).toFixed(2)} %`
}

export function overshoot (share: number): string {
  return `${share > 1 ? '+' : '−'}${(Math.abs(share - 1) * 100).toFixed(1)} %`
}

function seconds (durationMs: number): string {
  return `${(durationMs / 1_000).toFixed(1)} s`
}
