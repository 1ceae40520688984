import { identityOf } from '../../../src/simulator/identity.ts'
import { startSimulator } from '../../../src/simulator/simulator.ts'
import { SYSTEM_CLOCK } from '../../../src/simulator/clock.ts'
import type { RequestRecord } from '../../../src/simulator/records.ts'
import type { Simulator, SimulatorOptions } from '../../../src/simulator/simulator.ts'

export interface Upstream {
  readonly simulator: Simulator
  /** What the simulator called the request in its answer. */
  idOf (record: RequestRecord): string
}

export async function startUpstream (options: SimulatorOptions): Promise<Upstream> {
  // Its ids are made from when it started, which it asks of its clock first.
  let startedMs: number | undefined
  const clock = { ...SYSTEM_CLOCK, nowMs: () => { const nowMs = SYSTEM_CLOCK.nowMs(); startedMs ??= nowMs; return nowMs } }
  const simulator = await startSimulator(options, { clock })
  return { simulator, idOf: ({ sequence }) => identityOf(startedMs ?? 0, sequence, 0).requestId }
}
