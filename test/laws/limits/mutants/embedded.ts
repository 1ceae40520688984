/* eslint no-template-curly-in-string: off -- these are pieces of source text */
import type { Mutant } from './mutant.ts'

const ENGINE = 'src/limits/engine.ts'
const STATE = 'src/limits/engine-state.ts'
const CLAIM = 'src/limits/claim.ts'
const TABLES = 'src/store/embedded/limit-tables.ts'
const LEDGER = 'src/store/embedded/ledger.ts'
const USAGE = 'src/store/embedded/usage.ts'
const ROLLUPS = 'src/metering/rollups.ts'

/** Bugs of the store in this process. */
export const EMBEDDED_MUTANTS: readonly Mutant[] = [
  { bug: 'a settlement is not remembered', file: ENGINE, from: 'state.changes.finals.set(rid, bornMs)', to: '' },
  { bug: 'a void before its reservation does not keep it from being granted', file: ENGINE, from: 'if (isFinal(state, call.rid, step)) return', to: 'if (false) return' },
  { bug: 'what is final is not written down', file: TABLES, from: 'for (const [rid, bornMs] of finals) putFinal.run(team, rid, bornMs)', to: '' },
  { bug: 'an ended reservation stays on disk', file: TABLES, from: 'if (reservation === undefined) removeReservation.run(team, rid)', to: 'if (reservation === undefined) continue' },
  { bug: 'what is held is ignored', file: CLAIM, from: 'spent + held + claim.cost <=', to: 'spent + claim.cost <=' },
  { bug: 'a budget’s last unit is never granted', file: CLAIM, from: 'claim.cost <= window.amount', to: 'claim.cost < window.amount' },
  { bug: 'one place too many', file: CLAIM, from: 'standing.inFlight < claim.limit', to: 'standing.inFlight <= claim.limit' },
  { bug: 'a bucket’s last token is never granted', file: CLAIM, from: 'if (missing <= 0)', to: 'if (missing < 0)' },
  { bug: 'a clock that goes back drains buckets', file: CLAIM, from: 'Math.max(0, nowMs - bucket.timeMs)', to: '(nowMs - bucket.timeMs)' },
  { bug: 'a bucket’s time goes back, and what flowed in flows in again', file: ENGINE, from: 'Math.max(counter(state, `rt:${id}`), nowMs)', to: 'nowMs' },
  { bug: 'a refund lifts a bucket above its burst', file: ENGINE, from: 'Math.min(full, Math.max(-full, level))', to: 'Math.max(-full, level)' },
  { bug: 'a debt has no floor', file: ENGINE, from: 'Math.min(full, Math.max(-full, level))', to: 'Math.min(full, level)' },
  { bug: 'a window contains its own end', file: ENGINE, from: 'startMs <= nowMs && nowMs < endMs', to: 'startMs <= nowMs && nowMs <= endMs' },
  { bug: 'a window begins after its start', file: ENGINE, from: 'startMs <= nowMs && nowMs < endMs', to: 'startMs < nowMs && nowMs < endMs' },
  { bug: 'the gateway’s clock chooses the window', file: ENGINE, from: 'claim.windows.findIndex(({ startMs, endMs }) => startMs <= nowMs && nowMs < endMs)', to: 'Math.min(1, claim.windows.length - 1)' },
  { bug: 'a settlement charges the window that the call names', file: ENGINE, from: 'entry?.windowId ?? charge.windowId', to: 'charge.windowId' },
  { bug: 'a late settlement is charged on top of the expiry', file: ENGINE, from: 'isHeld ? charge.cost : charge.cost - (entry?.cost ?? 0)', to: 'charge.cost' },
  { bug: 'what was used is released instead of what was held', file: ENGINE, from: 'addTo(state, `br:${window}`, -(entry?.cost ?? 0))', to: 'addTo(state, `br:${window}`, -charge.cost)' },
  { bug: 'what nobody reserved is not charged', file: ENGINE, from: 'isHeld ? charge.cost : charge.cost - (entry?.cost ?? 0)', to: 'isHeld ? charge.cost : entry === undefined ? 0 : charge.cost - entry.cost' },
  { bug: 'a place is not given back', file: ENGINE, from: 'if (isHeld && charge.kind === \'concurrency\')', to: 'if (charge.kind === \'concurrency\' && charge.id === \'\')' },
  { bug: 'a place is given back again after the expiry', file: ENGINE, from: 'if (isHeld && charge.kind === \'concurrency\')', to: 'if (charge.kind === \'concurrency\')' },
  { bug: 'an expiry charges nothing', file: ENGINE, from: 'addTo(state, `bs:${id}:${windowId}`, cost)', to: 'addTo(state, `bs:${id}:${windowId}`, 0)' },
  { bug: 'an expiry charges twice', file: ENGINE, from: 'addTo(state, `bs:${id}:${windowId}`, cost)', to: 'addTo(state, `bs:${id}:${windowId}`, 2 * cost)' },
  { bug: 'an expiry releases nothing', file: ENGINE, from: 'addTo(state, `br:${id}:${windowId}`, -cost)', to: '' },
  { bug: 'an expired reservation is forgotten by its expiry, not by its birth ahead', file: ENGINE, from: 'Math.max(nowMs, bornMs) + FINAL_MEMORY_MS', to: 'nowMs + FINAL_MEMORY_MS' },
  { bug: 'a repeated reservation’s lease is not extended', file: ENGINE, from: '  state.due.put(known, nowMs + LEASE_MS)\n  const', to: '  const' },
  { bug: 'a renewal extends no lease', file: ENGINE, from: 'if (known?.state === \'held\') state.due.put(known, nowMs + LEASE_MS)', to: 'if (known?.state === \'held\') continue' },
  { bug: 'a sweep has no bound', file: ENGINE, from: 'swept < SWEEP_RESERVATIONS_MAX', to: 'swept < 1_000' },
  { bug: 'a reservation does not sweep', file: ENGINE, from: '  sweep(state, nowMs)\n', to: '' },
  { bug: 'a lease ends one millisecond late', file: ENGINE, from: 'first.dueMs > nowMs', to: 'first.dueMs >= nowMs' },
  { bug: 'the version does not count expiries', file: ENGINE, from: 'countVersion(state, nowMs, first.rid)', to: '' },
  { bug: 'a force checks', file: ENGINE, from: 'if (mode !== \'force\')', to: 'if (mode !== undefined)' },
  { bug: 'a refusal takes all the same', file: ENGINE, from: 'return { ...stateOf(state, nowMs), status: \'denied\', standings }', to: 'if (mode === \'reserve\') take(state, call, standings, nowMs)\n      return { ...stateOf(state, nowMs), status: \'denied\', standings }' },
  { bug: 'a check takes', file: ENGINE, from: 'if (mode !== \'check\') take', to: 'take' },
  { bug: 'a check sweeps', file: ENGINE, from: '  if (call.mode === \'check\') return decide', to: '  sweep(state, nowMs)\n  if (call.mode === \'check\') return decide' },
  { bug: 'a hold is ignored', file: ENGINE, from: 'holdOf(state, nowMs) > nowMs', to: 'false' },
  { bug: 'a shorter hold ends a longer one', file: ENGINE, from: 'Math.max(holdOf(state, nowMs), nowMs + durationMs)', to: 'nowMs + durationMs' },
  { bug: 'old is one millisecond too early', file: ENGINE, from: 'nowMs - bornMs > FINAL_MEMORY_MS', to: 'nowMs - bornMs >= FINAL_MEMORY_MS' },
  { bug: 'births far ahead are taken', file: ENGINE, from: ' || bornMs - nowMs > BIRTH_AHEAD_MS_MAX', to: '' },
  { bug: 'a reservation that lay in a buffer is granted', file: ENGINE, from: 'isOld(bornMs, nowMs) || (mode === \'reserve\' && nowMs - bornMs > BIRTH_MS_MAX)', to: 'isOld(bornMs, nowMs)' },
  { bug: 'a window is dropped while it may still be charged', file: ENGINE, from: 'nowMs - FINAL_MEMORY_MS - LEASE_MS)', to: 'nowMs)' },
  { bug: 'a dropped window leaves what was held of it', file: STATE, from: 'for (const kind of [\'bs\', \'br\'])', to: 'for (const kind of [\'bs\'])' },
  { bug: 'a settlement’s record is lost', file: ENGINE, from: 'former: known?.state === \'expired\' ? known.expiry : undefined, record })', to: 'former: undefined, record: undefined })' },
  { bug: 'an expiry’s record is not written', file: ENGINE, from: 'former: undefined, record: expiry })', to: 'former: undefined, record: undefined })' },
  { bug: 'a late settlement’s record comes beside that of the expiry', file: LEDGER, from: '      remove.run(team, rid)\n', to: '      database.prepare(\'UPDATE ledger SET rid = rid || ? WHERE team = ? AND rid = ?\').run(\'-\', team, rid)\n' },
  { bug: 'a late void leaves the record of the expiry', file: STATE, from: 'change.former !== undefined || change.record !== undefined', to: 'change.record !== undefined' },
  { bug: 'the sums of an expiry are not taken back', file: LEDGER, from: '      usage.subtract(rollupOf(former))\n', to: '' },
  { bug: 'a record is in no sum', file: LEDGER, from: '    usage.add(rollupOf(record))\n', to: '' },
  { bug: 'a record is summed up twice', file: LEDGER, from: '    usage.add(rollupOf(record))\n', to: '    usage.add(rollupOf(record))\n    usage.add(rollupOf(record))\n' },
  { bug: 'what is held is summed up before it is used', file: ENGINE, from: '  state.changes.rids.add(rid)\n  countVersion(state, nowMs, rid)\n}', to: '  state.changes.rids.add(rid)\n  changeLedger(state, { rid, atMs: nowMs, former: undefined, record: expiry })\n  countVersion(state, nowMs, rid)\n}' },
  { bug: 'sums forget what was there', file: USAGE, from: '${column} + excluded.${column}', to: 'excluded.${column}' },
  { bug: 'a model without a price is summed up under another currency', file: USAGE, from: '  return [team, hourMs, keyId, model, currency ?? \'\']', to: '  return [team, hourMs, keyId, model, currency ?? \'CNY\']' },
  { bug: 'a superseded attempt counts as a request', file: ROLLUPS, from: 'requests: superseded ? 0 : 1', to: 'requests: 1' },
  { bug: 'an expired request counts for the latencies', file: ROLLUPS, from: '!superseded && outcome !== \'expired\'', to: '!superseded' },
  { bug: 'a request counts in the hour after its own', file: ROLLUPS, from: 'Math.floor(timeMs / HOUR_MS)', to: 'Math.ceil(timeMs / HOUR_MS)' },
  { bug: 'charges need not answer the claims', file: ENGINE, from: 'checkCharges(charges, known?.entries)', to: 'checkCharges(charges, undefined)' }
]
