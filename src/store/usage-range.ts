import { DAY_MS } from './retention.ts'

const READ_DAYS_MAX = 4_000

/** @throws RangeError for a range that is longer than anything is kept */
export function checkUsageRange (fromMs: number, toMs: number): void {
  if (toMs - fromMs > READ_DAYS_MAX * DAY_MS) throw new RangeError(`usage is read of at most ${READ_DAYS_MAX} days`)
}
