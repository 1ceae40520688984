import { until } from '../../support/redis.ts'
import type { Caller, FaultScene } from './scene.ts'

/** Mends the wire, and waits until requests get through without any trouble and both connections are there. */
export async function mended (scene: FaultScene, caller: Caller): Promise<void> {
  scene.proxy.mend()
  scene.proxy.carriage = 'open'
  await until('the store answers over both connections', async () => {
    const errors = await scene.metric('dashgate_store_errors_total')
    if ((await scene.ask(caller, 'openai')).status !== 200 || await connections(scene) !== 2) return false
    return await scene.readiness() === '200 ok' && await scene.metric('dashgate_store_errors_total') === errors
  })
}

/** How many connections the gateway has to Redis, as Redis sees it. */
export async function connections ({ redis }: Pick<FaultScene, 'redis'>): Promise<number> {
  const clients = String(await redis.command('CLIENT', 'LIST', 'TYPE', 'normal'))
  return clients.split('name=dashgate ').length - 1
}
