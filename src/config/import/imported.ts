import type { ImportWarning } from './source.ts'
import type { NeededVariable } from './secrets.ts'

/** A configuration file made of somebody else's. */
export interface Imported {
  readonly yaml: string
  /** What is left out, assumed or changed, by its path in the file that was read. */
  readonly warnings: readonly ImportWarning[]
  /** What has to be set before the file can be used. */
  readonly variables: readonly NeededVariable[]
}

export interface ImportOptions {
  /** True: secrets are written into the file, instead of variables in their place. */
  readonly keepSecrets: boolean
  /** What the file that is read is called. */
  readonly source: string
}
