import { durationMs } from '../../config/scalars.ts'
import { findingsFor } from './finding.ts'
import { inspectDatabase } from '../../store/embedded/inspection.ts'
import { inspectRedis } from '../../store/redis/inspection.ts'
import type { Config } from '../../config/schema.ts'
import type { Finding } from './finding.ts'
import type { DatabaseState } from '../../store/embedded/inspection.ts'
import type { InspectionDeps, RedisState } from '../../store/redis/inspection.ts'

/** Where limits, accounts and usage are kept. */
export async function checkStore ({ store }: Config, deps: InspectionDeps): Promise<readonly Finding[]> {
  if (store.redis_url === '') return [databaseFinding(inspectDatabase(store.data_dir), store.data_dir)]
  return redisFindings(await inspectRedis(store.redis_url, deps), durationMs(store.timeout))
}

export function databaseFinding (found: DatabaseState, dataDir: string): Finding {
  const { ok, fail } = findingsFor('store')
  switch (found.state) {
    case 'absent': return ok('the embedded store is made at the first start')
    case 'in_use': return ok('the embedded store is in use by a running gateway, which is as it should be')
    case 'unreadable': return fail(`the database in ${dataDir} cannot be read: ${found.reason}`, 'Put a backup in its place, or move it away to begin anew.')
    case 'free': {
      const { version, knownVersion } = found
      if (version > knownVersion) return fail(`the database is of version ${version}, and this dashgate knows ${knownVersion}`, 'Run the newer dashgate that made it.')
      return ok(version < knownVersion ? `the next start brings the database from version ${version} to ${knownVersion}` : 'the embedded store can be opened, and nobody has it open')
    }
  }
}

const SKEW_MS_MAX = 1_000

export function redisFindings (found: RedisState, timeoutMs: number): readonly Finding[] {
  const { ok, warn, fail } = findingsFor('store')
  if (found.state === 'away') return [fail(`Redis cannot be reached (${found.code})`, 'Look at store.redis_url, the password in it and the network. Until then every team\'s on_store_down decides.')]
  const { servers, problems, keepsWrites, skewMs, latencyMs } = found
  const [skew, latency] = [Math.round(skewMs), Math.round(latencyMs * 10) / 10]
  return [
    ok(`${[...new Set(servers)].join(', ')} is reached`),
    ...problems.map((problem) => fail(problem, 'The gateway does not start with it: set up the store otherwise.')),
    keepsWrites
      ? ok('appendonly is on: a restart of Redis loses little')
      : warn('appendonly is off: after a restart of Redis budgets are on hold until the gateways have written again what they know', 'CONFIG SET appendonly yes, and in its configuration file.'),
    Math.abs(skew) > SKEW_MS_MAX
      ? warn(`its clock is ${Math.abs(skew)} ms ${skew > 0 ? 'ahead of' : 'behind'} this machine's; its own decides when budgets begin anew`, 'Keep both by NTP.')
      : ok(`its clock agrees with this machine's within ${Math.abs(skew)} ms`),
    latency > timeoutMs / 2
      ? warn(`an answer takes ${latency} ms, and store.timeout is ${timeoutMs} ms`, 'Bring it nearer, or raise store.timeout.')
      : ok(`an answer takes ${latency} ms`)
  ]
}
