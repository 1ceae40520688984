import { GatewayError } from '../../src/core/errors.ts'

/** The refusal `action` ends in; whatever else it throws goes on, and an end without one is an error. */
export function refusalOf (action: () => unknown): GatewayError {
  try {
    action()
  } catch (caught) {
    if (caught instanceof GatewayError) return caught
    throw caught
  }
  throw new Error('nothing was refused')
}

/** What a client sees of a refusal. */
export function shownRefusal (action: () => unknown): { kind: string, param: string | undefined, message: string } {
  const { kind, param, message } = refusalOf(action)
  return { kind, param, message }
}
