import { setTimeout } from 'node:timers/promises'

/** Asks until it is so. @throws Error where it is not after `timeoutMs` */
export async function until (what: string, timeoutMs: number, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + timeoutMs
  while (!await isSo()) {
    if (performance.now() > endMs) throw new Error(`after ${timeoutMs} ms not yet: ${what}`)
    await setTimeout(POLL_MS)
  }
}

const POLL_MS = 10

export async function pause (durationMs: number): Promise<void> {
  await setTimeout(durationMs)
}
