import { tracingSettings } from './tracing-settings.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { Tracing } from './tracing.ts'

export interface OpenTracingDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Pick<Metrics, 'spans'>
}

/** Undefined where the environment asks for no traces; then nothing of OpenTelemetry is even loaded. */
export async function openTracing (
  environment: Readonly<Record<string, string | undefined>>, { clock, logger, metrics }: OpenTracingDeps
): Promise<Tracing | undefined> {
  const settings = tracingSettings(environment, (variable) => logger.warn({ variable }, 'a setting of the traces cannot be honoured'))
  if (settings === undefined) return undefined
  let isLosing = false
  const { startTracing } = await import('./tracing.ts')
  return startTracing(settings, {
    clock,
    spans (result, count) {
      metrics.spans(result, count)
      if ((result === 'lost') === isLosing) return
      isLosing = result === 'lost'
      if (isLosing) logger.warn('spans are lost: their collector does not take them')
      else logger.info('spans are taken again')
    }
  })
}
