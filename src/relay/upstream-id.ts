/** A UUID or a long hexadecimal number, as it is or behind a word such as `req_`; some vendors use other letters too. */
const ID = /^(?:(?!sk[-_])[a-z]{2,12}[-_:])?[0-9a-f](?:[0-9a-f]|-(?=[0-9a-f])){11,71}$|^chatcmpl-[A-Za-z0-9]{8,64}$/i

/**
 * An upstream's own id goes into logs, records and spans. It has to look like one, for a hostile or careless upstream may
 * repeat in its place what it was sent, a key or a prompt.
 */
export function shownId (id: string | undefined): string | undefined {
  return id !== undefined && ID.test(id) ? id : undefined
}
