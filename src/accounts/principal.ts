/** Who is calling and paying. */
export interface Principal {
  readonly team: string
  readonly keyId: string
}
