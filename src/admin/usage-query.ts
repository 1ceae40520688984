import Type from 'typebox'
import type { Static } from 'typebox'
import { dayAround } from '../limits/windows.ts'
import { EXPORT_FORMATS } from './export.ts'
import { dayStartMs } from '../accounts/times.ts'
import { instantMs } from '../core/instant.ts'
import { invalidParameter } from '../core/errors.ts'
import { isTimeZone } from '../accounts/checks.ts'
import { TeamIdSchema } from '../accounts/account.ts'
import { USAGE_STEPS, usageSteps } from './usage-steps.ts'
import type { ExportFormat } from './export.ts'
import type { UsageStep } from '../metering/usage-report.ts'

export const GROUPS = ['team', 'key', 'model'] as const
export type Group = typeof GROUPS[number]

const time = (description: string) => Type.Optional(Type.String({ maxLength: 64, description }))

export const SELECTION_PROPERTIES = {
  team: Type.Optional({ ...TeamIdSchema, description: 'Only of this team. Default: all that there are.' }),
  key: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Only of the key with this id.' })),
  model: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'Only of this model, as the catalog has it.' }))
}

export const FormatSchema = Type.Optional(Type.Enum(['json', ...EXPORT_FORMATS], { description: 'Default: json. The others are sent row by row, however many there are.' }))

export const UsageQuerySchema = Type.Object({
  ...SELECTION_PROPERTIES,
  from: time('ISO 8601 with its offset, or a day of the time zone. Default: the beginning of the day six days before the end.'),
  to: time('Likewise, itself not included. Default: now.'),
  step: Type.Optional(Type.Enum([...USAGE_STEPS], { description: 'Default: day.' })),
  group_by: Type.Optional(Type.String({ maxLength: 64, description: 'Any of team, key and model, with commas between.' })),
  time_zone: Type.Optional(Type.String({ maxLength: 64, description: 'IANA name of the zone whose days are meant. Default: UTC.' })),
  format: FormatSchema
}, { additionalProperties: false })

export interface UsageAsked {
  readonly steps: readonly UsageStep[]
  readonly timeZone: string
  readonly groups: readonly Group[]
  readonly format: ExportFormat | 'json'
}

/** More than a year of hours, and all the days that can be kept. */
const STEPS_MAX = { hour: 10_000, day: 3_660 }
const DAYS_BEFORE = 6

/** What the query means now. @throws GatewayError `invalid_request` */
export function usageAsked (query: Static<typeof UsageQuerySchema>, nowMs: number): UsageAsked {
  const { step = 'day', time_zone: timeZone = 'UTC', format = 'json' } = query
  if (!isTimeZone(timeZone)) throw invalidParameter('time_zone', 'time_zone must be the IANA name of a zone, such as Asia/Shanghai.')
  const toMs = dayOrTimeOf('to', query.to, timeZone) ?? nowMs
  const fromMs = dayOrTimeOf('from', query.from, timeZone) ?? daysBefore(timeZone, toMs)
  if (fromMs >= toMs) throw invalidParameter('from', 'from must be before to.')
  const steps = usageSteps({ step, timeZone, fromMs, toMs }, STEPS_MAX[step])
  if (steps === undefined) throw invalidParameter('from', `from and to are more than ${STEPS_MAX[step]} ${step}s apart, which is the most that one answer has.`)
  return { steps, timeZone, groups: groupsOf(query.group_by), format }
}

function dayOrTimeOf (field: string, text: string | undefined, timeZone: string): number | undefined {
  return (text === undefined ? undefined : dayStartMs(text, timeZone)) ?? timeOf(field, text)
}

/** @throws GatewayError `invalid_request` */
export function timeOf (field: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  // A plus sign that was not encoded arrives as a space.
  const ms = instantMs(text.replace(/ (?=\d\d:\d\d$)/, '+'))
  if (ms === undefined) throw invalidParameter(field, `${field} must be a time with its offset, such as 2026-11-25T00:00:00+08:00.`)
  return ms
}

function daysBefore (timeZone: string, toMs: number): number {
  let { startMs } = dayAround(timeZone, toMs - 1)
  for (let days = 0; days < DAYS_BEFORE; days++) startMs = dayAround(timeZone, startMs - 1).startMs
  return startMs
}

function groupsOf (text: string | undefined): Group[] {
  if (text === undefined || text === '') return []
  const names = text.split(',')
  for (const name of names) {
    if (!GROUPS.some((group) => group === name)) throw invalidParameter('group_by', `group_by must be any of ${GROUPS.join(', ')}, with commas between.`)
  }
  return GROUPS.filter((group) => names.includes(group))
}
