import { InvalidArgumentError } from 'commander'

const UNIT_SECONDS: ReadonlyMap<string, number> = new Map([['s', 1], ['m', 60], ['h', 3_600], ['d', 86_400]])
const DURATION = /^(\d{1,9})([smhd])$/

/** Reads an option that is a duration of up to `maxSeconds`, such as 90s, 30m, 12h or 7d, or 0. */
export function secondsUpTo (maxSeconds: number): (text: string) => number {
  return (text) => {
    const [, amount, unit = ''] = DURATION.exec(text === '0' ? '0s' : text) ?? []
    const seconds = Number(amount) * (UNIT_SECONDS.get(unit) ?? NaN)
    if (seconds <= maxSeconds) return seconds
    throw new InvalidArgumentError(`It must be a duration such as 90s, 30m, 12h or 7d, and at most ${maxSeconds / 86_400}d.`)
  }
}
