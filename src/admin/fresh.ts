import { GatewayError } from '../core/errors.ts'
import type { Directory } from '../accounts/directory.ts'

const TRIES_MAX = 3

/**
 * Does something with teams and keys as they stand. Another gateway may have written a moment ago what this one has not seen
 * yet, so what seems not to be there, or seems to be another revision, is looked at once more.
 */
export async function withFresh<T> (directory: Directory, action: () => Promise<T> | T): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await action()
    } catch (caught) {
      if (!(caught instanceof GatewayError) || (caught.kind !== 'conflict' && caught.kind !== 'not_found') || tries === TRIES_MAX) throw caught
      await directory.catchUp()
    }
  }
}
