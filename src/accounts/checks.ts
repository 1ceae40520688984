import { parseNetwork } from './addresses.ts'
import { BUDGET_UNITS_MAX } from './limit-settings.ts'
import { exactUnits, MONEY_DECIMALS } from '../core/money.ts'
import { instantMs } from './times.ts'
import type { BudgetSetting, LimitSettings, PerModelSettings, RateSetting } from './limit-settings.ts'
import type { KeySettings, TeamSettings } from './account.ts'

/** What is wrong with settings, and where: such as `budgets[0].time_zone`. */
export interface SettingsFault { readonly field: string, readonly message: string }

type Report = (field: string, message: string) => void

/** Everything that no schema can say of settings that the schema has let through. */
export function checkSettings (settings: TeamSettings | KeySettings): SettingsFault[] {
  const faults: SettingsFault[] = []
  const report: Report = (field, message) => { faults.push({ field, message }) }
  if ('expires_at' in settings && settings.expires_at !== undefined) checkInstant(settings.expires_at, 'expires_at', report)
  checkLimits(settings, '', report)
  for (const [index, entry] of (settings.per_model ?? []).entries()) checkLimits(entry, `per_model[${index}].`, report)
  checkIds(settings.per_model ?? [], 'per_model', report)
  for (const [index, network] of (settings.allowed_ips ?? []).entries()) {
    if (parseNetwork(network) === undefined) report(`allowed_ips[${index}]`, 'must be an address or a network such as 10.0.0.0/8')
  }
  return faults
}

type Limits = Pick<LimitSettings | PerModelSettings, 'requests_per_minute' | 'tokens_per_minute' | 'budgets'>

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
function isTimeZone (name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
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
