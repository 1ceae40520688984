/** One server-sent event. `raw` is its bytes with the blank line that ends it, so that a relay can hand it on untouched. */
export interface SseEvent {
  readonly raw: Buffer
  /** The `event:` field, '' where there is none. */
  readonly type: string
  /** The `data:` lines joined by line feeds; undefined for a block of comments only. */
  readonly data: string | undefined
  /** DashScope's status, from its `:HTTP_STATUS/nnn` comment or a `status:` line. */
  readonly status: number | undefined
}
