import { Temporal } from 'temporal-polyfill'
import { parseNetwork } from './addresses.ts'
import { BUDGET_UNITS_MAX } from './limit-settings.ts'
import { exactUnits, MONEY_DECIMALS } from '../core/money.ts'
import { instantMs } from '../core/instant.ts'
import type { BudgetSetting, LimitSettings, PerModelSettings, RateSetting } from './limit-settings.ts'
import type { KeySettings, TeamSettings } from './account.ts'

/** What is wrong with settings, and where: such as `budgets[0].time_zone`. */
export interface SettingsFault { readonly field: string, readonly message: string }

type Report = (field: string, message: string) => void

/** Each is asked for with every request, in one step of the store that everybody else waits for. */
const LIMITS_MAX = 64

/**
 * Everything that no schema can say of settings that the schema has let through.
 * @param before what they are to take the place of
 */
export function checkSettings (settings: TeamSettings | KeySettings, before: TeamSettings | KeySettings = {}): SettingsFault[] {
  const faults: SettingsFault[] = []
  const report: Report = (field, message) => { faults.push({ field, message }) }
  if ('expires_at' in settings && settings.expires_at !== undefined) checkInstant(settings.expires_at, 'expires_at', report)
  checkLimits(settings, '', report)
  for (const [index, entry] of (settings.per_model ?? []).entries()) checkLimits(entry, `per_model[${index}].`, report)
  checkIds(settings.per_model ?? [], 'per_model', report)
  const limits = [settings, ...settings.per_model ?? []].reduce((count, entry) => count + limitsIn(entry), 0)
  if (limits > LIMITS_MAX) report('', `has ${limits} limits and budgets, and may have ${LIMITS_MAX}`)
  checkUnits(settings, before, report)
  for (const [index, network] of (settings.allowed_ips ?? []).entries()) {
    if (parseNetwork(network) === undefined) report(`allowed_ips[${index}]`, 'must be an address or a network such as 10.0.0.0/8')
  }
  return faults
}

type Limits = Pick<LimitSettings | PerModelSettings, 'requests_per_minute' | 'tokens_per_minute' | 'concurrent_requests' | 'budgets'>

function limitsIn (limits: Limits): number {
  const { requests_per_minute: requests, tokens_per_minute: tokens, concurrent_requests: places, budgets = [] } = limits
  return [requests, tokens, places].filter((limit) => limit !== undefined).length + budgets.length
}

/** What was spent of a budget is kept under its id: tokens would become money, or money tokens. */
function checkUnits (settings: TeamSettings | KeySettings, before: TeamSettings | KeySettings, report: Report): void {
  const unitsBefore = new Map(unitsIn(before).map(({ place, unit }) => [place, unit]))
  for (const { place, unit, field } of unitsIn(settings)) {
    const unitBefore = unitsBefore.get(place)
    if (unitBefore !== undefined && unitBefore !== unit) report(`${field}.unit`, `cannot be changed from ${unitBefore}; give the budget another id`)
  }
}

function unitsIn (settings: TeamSettings | KeySettings): { place: string, unit: string, field: string }[] {
  const places = [{ budgets: settings.budgets, name: '', prefix: '' }, ...(settings.per_model ?? [])
    .map(({ budgets, id }, index) => ({ budgets, name: `${id}/`, prefix: `per_model[${index}].` }))]
  return places.flatMap(({ budgets = [], name, prefix }) =>
    budgets.map(({ id, unit }, index) => ({ place: name + id, unit, field: `${prefix}budgets[${index}]` })))
}

function checkLimits (limits: Limits, prefix: string, report: Report): void {
  for (const name of ['requests_per_minute', 'tokens_per_minute'] as const) {
    const rate = limits[name]
    if (rate !== undefined) checkRate(rate, `${prefix}${name}`, report)
  }
  const budgets = limits.budgets ?? []
  for (const [index, budget] of budgets.entries()) checkBudget(budget, `${prefix}budgets[${index}]`, report)
  checkIds(budgets, `${prefix}budgets`, report)
}

function checkRate (rate: RateSetting, field: string, report: Report): void {
  if (typeof rate === 'number') return
  if (rate.strict === true && (rate.burst === undefined || rate.burst >= rate.limit)) {
    report(`${field}.burst`, 'is required with strict, and must be below the limit')
  } else if (rate.burst !== undefined && rate.burst > rate.limit) {
    report(`${field}.burst`, 'must not be above the limit')
  }
}

function checkBudget (budget: BudgetSetting, field: string, report: Report): void {
  const fault = budget.unit === 'tokens' ? tokensFault(budget.amount) : moneyFault(budget.amount)
  if (fault !== undefined) report(`${field}.amount`, fault)
  if (budget.time_zone !== undefined) checkTimeZone(budget, budget.time_zone, `${field}.time_zone`, report)
  if (budget.expires_at !== undefined) checkInstant(budget.expires_at, `${field}.expires_at`, report)
}

function tokensFault (amount: number): string | undefined {
  return Number.isInteger(amount) ? undefined : 'must be a whole number of tokens'
}

function moneyFault (amount: number): string | undefined {
  if (amount > BUDGET_UNITS_MAX) return `must be at most ${BUDGET_UNITS_MAX}`
  try {
    exactUnits(amount, MONEY_DECIMALS)
    return undefined
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    return `must have at most ${MONEY_DECIMALS} decimals`
  }
}

function checkTimeZone (budget: BudgetSetting, timeZone: string, field: string, report: Report): void {
  if (budget.period === 'total') report(field, 'has no meaning for a total, which follows no calendar')
  else if (!isTimeZone(timeZone)) report(field, 'must be the IANA name of a zone, such as Asia/Shanghai')
}

/** Offsets such as +08:00 are no zones: they know no summer time, and whoever means one finds it under Etc. */
export function isTimeZone (name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    // Intl takes abbreviations too that the calendar refuses, such as PST.
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name)
    return true
  } catch {
    return false
  }
}

function checkInstant (text: string, field: string, report: Report): void {
  if (instantMs(text) === undefined) report(field, 'must be a time with its offset, such as 2027-05-22T00:00:00+08:00')
}

function checkIds (entries: readonly { readonly id: string }[], field: string, report: Report): void {
  const seen = new Set<string>()
  for (const [index, { id }] of entries.entries()) {
    if (seen.has(id)) report(`${field}[${index}].id`, `another entry is named "${id}"`)
    seen.add(id)
  }
}
