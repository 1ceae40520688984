import { matchesModel } from '../accounts/model-patterns.ts'
import { exactUnits, MONEY_DECIMALS } from '../core/money.ts'
import { calendarOf } from './windows.ts'
import type { Account } from '../accounts/principal.ts'
import type { BudgetCalendar } from './windows.ts'
import type { BudgetSetting, LimitSettings, PerModelSettings, RateSetting } from '../accounts/limit-settings.ts'
import type { ClientKey, Team } from '../accounts/account.ts'
import type { LimitReport } from '../metering/limit-report.ts'

/** One limit that applies to a request, whatever the request's size. */
export type Rule = RateRule | ConcurrencyRule | BudgetRule

/** What people know a limit by, and what its counters are named. */
interface Named extends Pick<LimitReport, 'scope' | 'perModelId' | 'id'> {
  /** Unique within the team, for as long as the limit exists. */
  readonly counterId: string
}

export interface RateRule extends Named {
  readonly kind: 'rate'
  readonly unit: 'requests' | 'tokens'
  /** As set; `perMinute` is less where it is strict. */
  readonly limit: number
  readonly perMinute: number
  readonly burst: number
}

export interface ConcurrencyRule extends Named {
  readonly kind: 'concurrency'
  readonly unit: 'requests'
  readonly limit: number
}

export interface BudgetRule extends Named {
  readonly kind: 'budget'
  /** `tokens`, or a currency, whose amount is then in 10⁻⁹. */
  readonly unit: string
  readonly amount: number
  readonly calendar: BudgetCalendar
}

/** Models remembered of one pair of documents; more than that are only asked for by someone who makes up names. */
const MODELS_MAX = 1_000

/** Documents are never changed, only replaced, so what they come to is worked out once and dies with them. */
const compiled = new WeakMap<Team, WeakMap<ClientKey, Map<string, readonly Rule[]>>>()

/**
 * All limits that apply to a model, the team's before the key's and those for all models before those for some. The settings
 * must have been checked when they were written. @throws RangeError for a time zone, an expiry or an amount that makes no sense
 */
export function rulesFor ({ team, key }: Account, model: string): readonly Rule[] {
  let byKey = compiled.get(team)
  if (byKey === undefined) compiled.set(team, byKey = new WeakMap())
  let byModel = byKey.get(key)
  if (byModel === undefined) byKey.set(key, byModel = new Map())
  let rules = byModel.get(model)
  if (rules === undefined) {
    const isFor: ModelTest = (patterns) => matchesModel(patterns, model)
    rules = [...ownerRules(teamOwner(team), isFor), ...ownerRules(keyOwner(key), isFor)]
    if (byModel.size >= MODELS_MAX) byModel.clear()
    byModel.set(model, rules)
  }
  return rules
}

/** The same, whatever models they are for. @throws as `rulesFor` */
export function allRules ({ team, key }: Account): readonly Rule[] {
  return [...teamRules(team), ...ownerRules(keyOwner(key), () => true)]
}

/** All that is set of the team itself. @throws as `rulesFor` */
export function teamRules (team: Team): readonly Rule[] {
  return ownerRules(teamOwner(team), () => true)
}

interface Owner { readonly scope: 'team' | 'key', readonly counterId: string, readonly settings: LimitSettings }

function teamOwner ({ settings }: Team): Owner {
  return { scope: 'team', counterId: 't', settings }
}

function keyOwner ({ id, settings }: ClientKey): Owner {
  return { scope: 'key', counterId: `k.${id}`, settings }
}

type ModelTest = (patterns: readonly string[] | undefined) => boolean

function ownerRules ({ scope, counterId, settings }: Owner, isFor: ModelTest): Rule[] {
  const rules = settingRules({ scope, perModelId: undefined, counterId }, settings, isFor)
  for (const entry of settings.per_model ?? []) {
    if (!isFor(entry.models)) continue
    rules.push(...settingRules({ scope: `${scope}_model`, perModelId: entry.id, counterId: `${counterId}.m.${entry.id}` }, entry, isFor))
  }
  return rules
}

type Place = Omit<Named, 'id'>

function settingRules (place: Place, settings: LimitSettings | PerModelSettings, isFor: ModelTest): Rule[] {
  const { requests_per_minute: requests, tokens_per_minute: tokens, concurrent_requests: places, budgets = [] } = settings
  const named = (id: string, counter: string): Named => ({ ...place, id, counterId: `${place.counterId}.${counter}` })
  const rules: Rule[] = []
  if (requests !== undefined) rules.push({ kind: 'rate', ...named('requests_per_minute', 'rpm'), unit: 'requests', ...flow(requests, requestsBurst) })
  if (tokens !== undefined) rules.push({ kind: 'rate', ...named('tokens_per_minute', 'tpm'), unit: 'tokens', ...flow(tokens, tokensBurst) })
  if (places !== undefined) rules.push({ kind: 'concurrency', ...named('concurrent_requests', 'conc'), unit: 'requests', limit: places })
  for (const budget of budgets) {
    if (isFor(budget.models)) rules.push(budgetRule(named(budget.id, `b.${budget.id}`), budget))
  }
  return rules
}

function budgetRule (named: Named, { unit, amount, ...when }: BudgetSetting): BudgetRule {
  return { kind: 'budget', ...named, unit, amount: unit === 'tokens' ? amount : exactUnits(amount, MONEY_DECIMALS), calendar: calendarOf(when) }
}

const BURST_REQUESTS = 10

/** Ten seconds' worth, but enough for a client that starts a handful at once. */
function requestsBurst (limit: number): number {
  return Math.max(Math.ceil(limit / 6), Math.min(limit, BURST_REQUESTS))
}

/** A request holds its whole output cap at first: a smaller part would refuse for ever what fits into the minute. */
function tokensBurst (limit: number): number {
  return limit
}

/** Within any minute no more is granted than the burst and what flows back, which together are the limit where it is strict. */
function flow (setting: RateSetting, defaultBurst: (limit: number) => number): Pick<RateRule, 'limit' | 'perMinute' | 'burst'> {
  const { limit, burst = defaultBurst(limit), strict = false } = typeof setting === 'number' ? { limit: setting } : setting
  return { limit, perMinute: strict ? limit - burst : limit, burst }
}
