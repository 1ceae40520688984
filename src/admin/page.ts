import { PageSchema } from './schemas.ts'
import { parse } from './validation.ts'

const LIMIT_DEFAULT = 100

export interface Page { readonly data: readonly object[], readonly has_more: boolean, readonly next_cursor: string | null }

/**
 * A part of a list that is sorted by id. The cursor is the last id shown: what is added or removed meanwhile moves nothing.
 * @throws GatewayError `invalid_request`
 */
export function pageOf<T extends { readonly id: string }> (all: readonly T[], query: unknown, show: (item: T) => object): Page {
  const { limit, cursor } = parse(PageSchema, query)
  const rest = cursor === undefined ? all : all.filter(({ id }) => id > cursor)
  const shown = rest.slice(0, limit === undefined ? LIMIT_DEFAULT : Number(limit))
  const hasMore = shown.length < rest.length
  return { data: shown.map(show), has_more: hasMore, next_cursor: hasMore ? shown.at(-1)?.id ?? null : null }
}
