import type { Catalog } from '../../src/core/catalog.ts'
import type { LiveFigures } from '../../src/observe/live-metrics.ts'

/** A gateway that serves nobody: no models, no teams, nothing under way. */
export function quietFigures (catalog: Partial<Catalog> = {}): LiveFigures {
  return { catalog: { models: new Map(), ...catalog } as Catalog, teams: [], running: [], keyStates: () => [] }
}
