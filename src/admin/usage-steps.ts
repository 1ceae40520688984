import { dayAround } from '../limits/windows.ts'
import type { UsageStep } from '../metering/usage-report.ts'

/** What usage is shown by. */
export const USAGE_STEPS = ['hour', 'day'] as const
export type UsageStepName = typeof USAGE_STEPS[number]

const HOUR_MS = 3_600_000

export interface StepsQuestion {
  readonly step: UsageStepName
  readonly timeZone: string
  readonly fromMs: number
  readonly toMs: number
}

/**
 * The hours, or the days of a zone, from one time to another. Usage is kept by hours of UTC, and an hour is counted where it
 * begins: so all steps begin and end with one, the first and the last may be parts of a day, and where clocks are off by half
 * an hour a day begins with the first whole hour in it.
 * @returns undefined where there are more than `stepsMax`
 */
export function usageSteps ({ step, timeZone, fromMs, toMs }: StepsQuestion, stepsMax: number): UsageStep[] | undefined {
  const steps: UsageStep[] = []
  const endMs = hourFrom(toMs)
  for (let startMs = hourFrom(fromMs); startMs < endMs;) {
    if (steps.length >= stepsMax) return undefined
    const stepEndMs = step === 'hour' ? startMs + HOUR_MS : hourFrom(dayAround(timeZone, startMs).endMs)
    steps.push({ startMs, endMs: Math.min(stepEndMs, endMs) })
    startMs = stepEndMs
  }
  return steps
}

/** The first hour of UTC that begins at that time or later. */
function hourFrom (ms: number): number {
  return Math.ceil(ms / HOUR_MS) * HOUR_MS
}
