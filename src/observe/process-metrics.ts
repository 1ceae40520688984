import { Registry, collectDefaultMetrics } from 'prom-client'
import packageJson from '../../package.json' with { type: 'json' }
import { PROCESS_METRICS } from './metric-names.ts'
import type { Instruments } from './instruments.ts'

/** What any process tells of itself, and which one this is. */
export function addProcessMetrics (registry: Registry, { build }: Instruments): void {
  const everything = new Registry()
  collectDefaultMetrics({ register: everything })
  for (const name of PROCESS_METRICS) {
    // Some are known on Linux only.
    const metric = everything.getSingleMetric(name)
    if (metric !== undefined) registry.registerMetric(metric)
  }
  build.set({ version: packageJson.version, node: process.versions.node }, 1)
}
