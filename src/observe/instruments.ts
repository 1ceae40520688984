import { Counter, Gauge, Histogram } from 'prom-client'
import { METRICS } from './metric-names.ts'
import type { MetricDefinition } from './metric-names.ts'
import type { Registry } from 'prom-client'

type Definitions = typeof METRICS
type LabelOf<Definition extends MetricDefinition> = Definition['labels'][number]
type InstrumentOf<Definition extends MetricDefinition> =
  Definition['type'] extends 'counter'
    ? Counter<LabelOf<Definition>>
    : Definition['type'] extends 'gauge' ? Gauge<LabelOf<Definition>> : Histogram<LabelOf<Definition>>

/** What is counted with, by the names of METRICS. */
export type Instruments = { readonly [Key in keyof Definitions]: InstrumentOf<Definitions[Key]> }

/** All of METRICS, made once for a registry. */
export function createInstruments (registry: Registry): Instruments {
  const made = Object.entries<MetricDefinition>(METRICS).map(([key, definition]) => [key, instrument(definition, registry)])
  return Object.fromEntries(made) as Instruments
}

function instrument ({ name, help, type, labels, buckets }: MetricDefinition, registry: Registry): Counter | Gauge | Histogram {
  const options = { name, help, labelNames: [...labels], registers: [registry] }
  switch (type) {
    case 'counter': return new Counter(options)
    case 'gauge': return new Gauge(options)
    case 'histogram': return new Histogram({ ...options, buckets: [...buckets ?? []] })
  }
}
