import Type from 'typebox'
import type { Static, TObject, TSchema } from 'typebox'
import { closed } from './schemas.ts'
import { GatewayError, invalidParameter } from '../core/errors.ts'
import { parse } from './validation.ts'
import { TeamIdSchema } from '../accounts/account.ts'
import type { UsageDimension, UsageStep } from '../metering/usage-report.ts'

const seconds = Type.String({ pattern: '^[0-9]{1,11}$', description: 'Unix time in seconds.' })
const Text = Type.String({ minLength: 1, maxLength: 256 })
const texts = (description: string) => Type.Optional(Type.Array(Text, { maxItems: 100, description }))

const COMMON = {
  start_time: seconds,
  end_time: Type.Optional(seconds),
  bucket_width: Type.Optional(Type.String({ maxLength: 8, description: 'Default: 1d.' })),
  group_by: texts('What buckets are told apart by.'),
  project_ids: Type.Optional(Type.Array(TeamIdSchema, { maxItems: 100, description: 'Only of these teams.' })),
  api_key_ids: texts('Only of these keys.'),
  limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,3}$', description: 'How many buckets.' })),
  page: Type.Optional(Type.String({ maxLength: 64, description: 'The next_page of the page before.' }))
}

const CompletionsSchema = Type.Object({
  ...COMMON,
  models: texts('Only of these models.'),
  batch: Type.Optional(Type.Enum(['true', 'false'], { description: 'Nothing here is a batch job.' }))
}, closed)

const CostsSchema = Type.Object({ ...COMMON, line_items: texts('Only of these models.') }, closed)

/** Of either report. */
type OrganizationQuery = Static<typeof CompletionsSchema> & Static<typeof CostsSchema>

/** How long a bucket is, and how many there are unless it is said, and at most. */
interface Width { readonly seconds: number, readonly limit: number, readonly limitMax: number }

/** One of the two reports as OpenAI's packages know them. */
export interface Report {
  readonly schema: typeof CompletionsSchema | typeof CostsSchema
  /** By their names. */
  readonly widths: Readonly<Record<string, Width | undefined>>
  /** Ours for each of theirs. */
  readonly groups: Readonly<Record<string, UsageDimension | undefined>>
}

export const COMPLETIONS: Report = {
  schema: CompletionsSchema,
  widths: { '1h': { seconds: 3_600, limit: 24, limitMax: 168 }, '1d': { seconds: 86_400, limit: 7, limitMax: 31 } },
  groups: { project_id: 'team', api_key_id: 'key', model: 'model' }
}

/** What a model cost is one item of the bill. */
export const COSTS: Report = {
  schema: CostsSchema,
  widths: { '1d': { seconds: 86_400, limit: 7, limitMax: 180 } },
  groups: { project_id: 'team', api_key_id: 'key', line_item: 'model' }
}

const LISTS: readonly string[] = ['group_by', 'project_ids', 'api_key_ids', 'models', 'line_items']

/** For a route and its description: packages write lists as `group_by[]=model`, people also without brackets, or once. */
export function queryShown ({ schema }: Report): TObject {
  const properties: Readonly<Record<string, TSchema>> = schema.properties
  return Type.Object(Object.fromEntries(Object.entries(properties).map(([name, property]) => {
    if (!LISTS.includes(name)) return [name, property]
    const { description = '' } = property as { readonly description?: string }
    return [`${name}[]`, Type.Optional(Type.Unknown({ description: `${description} May be there more than once.` }))]
  })))
}

export interface OrganizationAsked {
  readonly query: OrganizationQuery
  /** The buckets of this page. */
  readonly steps: readonly UsageStep[]
  /** Theirs and ours. */
  readonly groups: readonly (readonly [name: string, dimension: UsageDimension])[]
  readonly nextPage: string | null
}

/**
 * What a package asks for. Buckets are whole hours or days of UTC, so that each has the
 * same sums whoever asks: the first is the one in which the time begins.
 * @throws GatewayError `invalid_request`
 */
export function organizationAsked (raw: unknown, { schema, widths, groups }: Report, nowMs: number): OrganizationAsked {
  const query = parse<TSchema>(schema, withLists(raw)) as OrganizationQuery
  const width = widths[query.bucket_width ?? '1d']
  if (width === undefined) throw invalidParameter('bucket_width', `bucket_width must be ${Object.keys(widths).join(' or ')}: usage is kept by the hour.`)
  const limit = query.limit === undefined ? width.limit : Number(query.limit)
  if (limit < 1 || limit > width.limitMax) throw invalidParameter('limit', `limit must be from 1 to ${width.limitMax} with this bucket_width.`)
  const start = Number(query.start_time)
  const end = query.end_time === undefined ? Math.ceil(nowMs / 1_000) : Number(query.end_time)
  if (query.end_time !== undefined && end <= start) throw invalidParameter('end_time', 'end_time must be after start_time.')
  const first = pageStart(query.page, width.seconds) ?? start
  const steps: UsageStep[] = []
  let bucket = Math.floor(first / width.seconds) * width.seconds
  for (; bucket < end && steps.length < limit; bucket += width.seconds) {
    steps.push({ startMs: bucket * 1_000, endMs: (bucket + width.seconds) * 1_000 })
  }
  return { query, steps, groups: groupsOf(query.group_by ?? [], groups), nextPage: bucket < end ? `${PAGE_PREFIX}${bucket}` : null }
}

function withLists (raw: unknown): object {
  const lists = Object.entries(raw as Readonly<Record<string, unknown>>).map(([name, value]) => {
    const plain = name.replace(/\[\d*\]$/, '')
    return [plain, LISTS.includes(plain) && !Array.isArray(value) ? [value] : value] as const
  })
  const names = new Set(lists.map(([name]) => name))
  if (names.size < lists.length) throw new GatewayError('invalid_request', 'A parameter is there in more than one form.')
  return Object.fromEntries(lists)
}

function groupsOf (names: readonly string[], groups: Report['groups']): OrganizationAsked['groups'] {
  return [...new Set(names)].map((name) => {
    const dimension = Object.hasOwn(groups, name) ? groups[name] : undefined
    if (dimension === undefined) throw invalidParameter('group_by', `group_by can be ${Object.keys(groups).join(', ')}; "${name.slice(0, 64)}" is not known here.`)
    return [name, dimension]
  })
}

const PAGE_PREFIX = 'page_'

function pageStart (page: string | undefined, seconds: number): number | undefined {
  if (page === undefined) return undefined
  const start = /^page_(\d{1,11})$/.exec(page)?.[1]
  if (start === undefined || Number(start) % seconds !== 0) throw invalidParameter('page', 'page must be the next_page of an answer to the same question.')
  return Number(start)
}
