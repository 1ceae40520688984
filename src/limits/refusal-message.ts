import { Temporal } from 'temporal-polyfill'
import { decimalOfNano } from '../core/money.ts'
import { isMoney } from './reports.ts'
import type { BudgetRule, RateRule, Rule } from './rules.ts'
import type { LimitReport } from '../metering/limit-report.ts'

/** Whose limits they are, and the rules the report was made of. */
export interface Subject {
  readonly teamId: string
  readonly keyId: string
  readonly rules: readonly Rule[]
}

const COUNT = new Intl.NumberFormat('en-US')
const SMALLER = 'lower max_tokens or shorten the prompt.'

/** Why a limit refused a request, with its figures: a sentence or two for whoever called. */
export function refusalMessage (report: LimitReport, subject: Subject): string {
  const rule = subject.rules.find(({ scope, perModelId, id, kind }) =>
    scope === report.scope && perModelId === report.perModelId && id === report.id && kind === report.kind)
  if (rule === undefined) throw new RangeError(`the report of ${report.id} was made of other rules`)
  const owner = ownerOf(report, subject)
  switch (rule.kind) {
    case 'rate': return rateMessage(report, rule, owner)
    case 'concurrency': return concurrencyMessage(report, owner)
    case 'budget': return budgetMessage(report, rule, owner)
  }
}

function ownerOf ({ scope, perModelId }: LimitReport, { teamId, keyId }: Subject): string {
  const owner = scope === 'team' || scope === 'team_model' ? `team "${teamId}"` : `key "${keyId}"`
  return perModelId === undefined ? owner : `${owner} for the models "${perModelId}"`
}

function rateMessage (report: LimitReport, { burst }: RateRule, owner: string): string {
  const name = `limit "${report.id}" of ${owner}`
  if (report.retryAfterMs === 'never') {
    return `This request may use up to ${amountOf(report, 'requested')}, and the ${name} lets at most ${COUNT.format(burst)} through at once: ${SMALLER}`
  }
  const seconds = Math.ceil((report.retryAfterMs ?? 0) / 1_000)
  return `The ${name} is reached: ${amountOf(report, 'amount')} a minute, ${countOf(report, 'remaining')} left now, ` +
    `${countOf(report, 'requested')} requested. Try again in ${COUNT.format(seconds)} second${seconds === 1 ? '' : 's'}.`
}

function concurrencyMessage (report: LimitReport, owner: string): string {
  const name = `limit "concurrent_requests" of ${owner}`
  if (report.amount === 0) return `The ${name} allows no requests.`
  return `The ${name} is reached: ${countOf(report, 'used')} of ${amountOf(report, 'amount')} under way. Try again when one of them has ended.`
}

function budgetMessage (report: LimitReport, rule: BudgetRule, owner: string): string {
  const name = `budget "${report.id}" of ${owner}`
  const { expiresAtMs } = rule.calendar
  if (rule.amount === 0) return `The ${name} allows nothing.`
  if (report.amount === 0 && expiresAtMs !== undefined) return `The ${name} expired at ${timeOf(expiresAtMs, rule)}.`
  if (report.requested > report.amount) {
    const verb = isMoney(report) ? 'cost' : 'use'
    return `This request may ${verb} up to ${amountOf(report, 'requested')}, and the ${name} is ${amountOf(report, 'amount')} in all: ${SMALLER}`
  }
  const state = report.remaining === 0 ? 'is spent' : 'has too little left'
  return `The ${name} ${state}: ${countOf(report, 'used')} of ${amountOf(report, 'amount')} used, ` +
    `${countOf(report, 'held')} held by running requests, ${countOf(report, 'requested')} requested. ${renewal(report, rule)}`
}

function renewal ({ resetsAtMs }: LimitReport, rule: BudgetRule): string {
  if (resetsAtMs !== undefined) return `It begins anew at ${timeOf(resetsAtMs, rule)}.`
  const { expiresAtMs } = rule.calendar
  return expiresAtMs === undefined ? 'It never begins anew.' : `It does not begin anew before it expires at ${timeOf(expiresAtMs, rule)}.`
}

function timeOf (timeMs: number, { calendar }: BudgetRule): string {
  return Temporal.Instant.fromEpochMilliseconds(timeMs).toString({ timeZone: calendar.timeZone })
}

type Figure = 'amount' | 'used' | 'held' | 'requested' | 'remaining'

function amountOf (report: LimitReport, figure: Figure): string {
  const noun = report[figure] === 1 && !isMoney(report) ? report.unit.replace(/s$/, '') : report.unit
  return `${countOf(report, figure)} ${noun}`
}

function countOf (report: LimitReport, figure: Figure): string {
  return isMoney(report) ? decimalOfNano(report[figure]) : COUNT.format(report[figure])
}
