import type { Static } from 'typebox'
import type { PageSchema } from './schemas.ts'

const LIMIT_DEFAULT = 100

export interface Page { readonly data: readonly object[], readonly has_more: boolean, readonly next_cursor: string | null }

/** A part of a list that is sorted by id. The cursor is the last id shown: what is added or removed meanwhile moves nothing. */
export function pageOf<T extends { readonly id: string }> (
  all: readonly T[], query: Static<typeof PageSchema>, show: (item: T) => object
): Page {
  const { cursor } = query
  const rest = cursor === undefined ? all : all.filter(({ id }) => id > cursor)
  const shown = rest.slice(0, limitOf(query))
  const hasMore = shown.length < rest.length
  return { data: shown.map(show), has_more: hasMore, next_cursor: hasMore ? shown.at(-1)?.id ?? null : null }
}

/** How many are asked for. */
export function limitOf ({ limit }: Pick<Static<typeof PageSchema>, 'limit'>): number {
  return limit === undefined ? LIMIT_DEFAULT : Number(limit)
}
