import { SIDES } from '../../support/scene.ts'
import { until } from '../../support/redis.ts'
import type { Caller, FaultScene } from './scene.ts'
import type { Reply } from '../../support/http.ts'

/** A stream on each side, in the middle of its answer until the gate is opened. */
export async function underWay (scene: FaultScene, caller: Caller): Promise<Promise<Reply>[]> {
  scene.gate.stop(SIDES.length, 6)
  const replies = SIDES.map((surface) => scene.ask(caller, surface, 'stream'))
  await until('both streams are in their middle', async () => scene.gate.waiting === SIDES.length)
  return replies
}
