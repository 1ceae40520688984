import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildCatalog } from '../../src/config/catalog.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createLogger } from '../../src/observe/logger.ts'
import { PROTOCOLS } from '../../src/protocols/registry.ts'
import { startServer } from '../../src/server.ts'
import { startSimulator } from '../../src/simulator/simulator.ts'
import { systemClock, systemIds } from '../../src/system.ts'
import type { Simulator, SimulatorOptions } from '../../src/simulator/simulator.ts'
import type { ServerDeps } from '../../src/server.ts'

export interface GatewayOptions {
  readonly upstreamProtocol: 'dashscope' | 'openai'
  /** YAML beneath the upstream and models sections that this helper writes: `policies:`, `server:` … */
  readonly yaml?: string
  /** YAML lines of the upstream, such as `timeouts: { idle: 1s }` or `quirks: …`. */
  readonly upstreamYaml?: string
  readonly simulator?: SimulatorOptions
  readonly deps?: Partial<ServerDeps>
  /** Another upstream in the simulator's place, by origin. */
  readonly upstreamOrigin?: string
}

export interface Gateway {
  readonly url: string
  readonly adminUrl: string
  readonly openaiBaseUrl: string
  readonly dashscopeBaseUrl: string
  readonly apiKey: string
  readonly simulator: Simulator
  /** Everything the gateway has logged, a line each. */
  readonly logLines: string[]
  readonly dataDir: string
  /** May be called again, by a test's end for one. */
  close (): Promise<void>
}

const TEST_KEY = 'sk-test-key-of-the-test-suites'

/** A whole gateway on free ports of the loopback, in front of a simulator of its own; everything goes with `close`. */
export async function startGateway (options: GatewayOptions): Promise<Gateway> {
  const simulator = await startSimulator(options.simulator ?? {})
  const dataDir = mkdtempSync(join(tmpdir(), 'dashgate-'))
  const logLines: string[] = []
  const { config } = loadConfig({ flags: {}, environment: { DASHGATE_CONFIG: 'test.yaml' }, readFile: () => yamlFor(options, simulator.url, dataDir) })
  const catalog = buildCatalog(config, PROTOCOLS)
  const server = await startServer(config, catalog, {
    clock: systemClock,
    ids: systemIds,
    random: () => 0,
    logger: createLogger('info', { write: (line) => { logLines.push(line) } }),
    ...options.deps
  })
  let closing: Promise<void> | undefined
  async function closeAll (): Promise<void> {
    await server.close()
    await simulator.close()
    rmSync(dataDir, { recursive: true, force: true })
  }

  return {
    url: server.inferenceUrl,
    adminUrl: server.adminUrl,
    openaiBaseUrl: `${server.inferenceUrl}/v1`,
    dashscopeBaseUrl: `${server.inferenceUrl}/api/v1`,
    apiKey: TEST_KEY,
    simulator,
    logLines,
    dataDir,
    async close () { await (closing ??= closeAll()) }
  }
}

function yamlFor (options: GatewayOptions, simulatorUrl: string, dataDir: string): string {
  const path = options.upstreamProtocol === 'dashscope' ? '/api/v1' : '/compatible-mode/v1'
  const extra = (options.upstreamYaml ?? '').split('\n').filter((line) => line.trim() !== '').map((line) => `    ${line}`)
  return [
    `store: { data_dir: ${JSON.stringify(dataDir)} }`,
    `secrets: { bootstrap_key: ${TEST_KEY} }`,
    'admin: { port: 0 }',
    ...(options.yaml?.includes('server:') === true ? [] : ['server: { port: 0 }']),
    'upstreams:',
    '  - name: sim',
    `    protocol: ${options.upstreamProtocol}`,
    `    base_url: ${options.upstreamOrigin ?? simulatorUrl}${path}`,
    '    keys: [sk-upstream-key-of-the-tests]',
    '    builtin_models: true',
    ...extra,
    options.yaml ?? ''
  ].join('\n')
}
