import { causeOf } from './logger.ts'
import type { Logger } from './logger.ts'
import type { TroubleEvent } from '../limits/trouble.ts'

/** A line for every change of state and for what somebody has to look at; single failed calls are counted and not logged. */
export function logTrouble (logger: Logger, event: TroubleEvent): void {
  switch (event.kind) {
    case 'store_state':
      if (event.isUp) logger.info('the store of the limits answers')
      else logger.error({ code: event.code }, 'the store of the limits does not answer; each team\'s on_store_down decides')
      break
    case 'store_rollback':
      logger.error({ team: event.team, loss: event.loss }, 'the store has lost writes; budgets are on hold while they are written again')
      break
    case 'recovered':
      logger.info({ team: event.team }, 'what the store had lost is written again')
      break
    case 'settlement_lost':
      logger.error({ team: event.team, rid: event.rid, reason: event.reason, cause: causeOf(event.cause) }, 'a settlement was not taken by the store')
      break
    case 'spool_state':
      if (event.isHealthy) logger.info('settlements can be written down again')
      else logger.error({ cause: causeOf(event.cause) }, 'settlements cannot be written down; requests under a budget are refused')
      break
    case 'upkeep_failed':
      logger.debug({ cause: causeOf(event.cause) }, 'upkeep of reservations failed and is repeated')
      break
    case 'store_error': case 'reserve_ambiguous': case 'repeated': case 'swept': case 'script_loaded': break
  }
}
