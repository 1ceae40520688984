import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import type { Test } from 'tap'
import { reasonToSkip } from '../support/clients.ts'
import { READMES, ROOT, commandsOf, withoutPrompts } from '../support/readme.ts'

t.setTimeout(300_000)

type Environment = Readonly<Record<string, string | undefined>>

const START = 'npm start'
const SIMULATE = 'npm run dashgate -- simulate'

/** What is not run here, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  'npm test': 'this test is part of it',
  [`DASHSCOPE_API_KEY=sk-... ${START}`]: 'it would ask the real service; without the key it is the command above, which is run'
}

/** What a command prints if it does what the text says. Each command of the text is one of these. */
const PRINTED: ReadonlyArray<readonly [command: RegExp, printed: RegExp]> = [
  [/^curl \S+\/v1\/chat\/completions /, /^data: \{.*\n\ndata: \[DONE\]\n\n$/s],
  [/^curl \S+\/text-generation\/generation /, /^id:1\nevent:result\n:HTTP_STATUS\/200\ndata:\{.*"finish_reason":"stop"/s],
  [/^curl \S+\/dashgate\/v1\/requests\/\$REQUEST_ID /, /^\{.*"outcome":"completed".*\}$/s],
  [/^curl \S+\/dashgate\/v1\/limits /, /^\{"team":"default".*"limits":\[\]\}$/],
  [/^npm run dashgate -- team create search /, /search/],
  [/^npm run dashgate -- key create search /, /sk-dg-/],
  [/^npm run dashgate -- explain search /, /daily/],
  [/^npm run dashgate -- team list$/, /search/],
  [/^npm run dashgate -- key list search$/, /ci/],
  [/^npm run dashgate -- doctor$/, /\n0 failures, \d+ warnings?\.\n$/],
  [/^npm run dashgate -- usage --group-by team$/, /default .*\nin all /],
  [/^npm run dashgate -- upstream list$/, /^simulator +dashscope +[0-9a-f]{12} +configured +active/m],
  [/^npm run dashgate -- token list$/, /There are no tokens but the root token/],
  [/^npm run dashgate -- audit verify$/, /The log is whole: \d+ entries in one chain\.\n/],
  [/^npm run dashgate -- config check dashgate\.example\.yaml$/, /dashgate\.example\.yaml is fine/],
  [/^npm run dashgate -- config check$/, / is fine/],
  [/^npm run dashgate -- config schema$/, /"\$schema": /],
  [/^npm run dashgate -- healthcheck$/, /\/readyz is ready/],
  [/^npm run dashgate -- --help$/, /healthcheck/]
]

const skip = await reasonToSkip('curl')

t.test('both READMEs show the same commands', async (t) => {
  const [english, chinese] = READMES.map((name) => commandsOf(name).map(withoutPrompts))
  t.same(chinese, english)
  for (const command of [START, SIMULATE, ...Object.keys(LEFT_OUT)]) t.ok(english?.includes(command), `${command} is there to be left out or run`)
})

for (const name of READMES) {
  t.test(`whoever copies the commands of ${name} gets what it says`, { skip }, async (t) => await follow(t, name))
}

/** Each is followed on a gateway of its own: the same team is made in both. */
async function follow (t: Test, name: typeof READMES[number]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'dashgate-readme-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const environment = await environmentIn(folder)
  const { printed } = await startCommand(t, { command: START, environment, isReady: /^Try it:.*curl.*\n\n/ms })
  t.match(printed, 'NO REAL MODEL', 'it says that the answers are made up')
  const [, key] = /^ *API key +(\S+)$/m.exec(printed) ?? []
  await runCommands(t, commandsOf(name), { folder, environment: { ...environment, DASHGATE_KEY: key } })
}

t.test('the simulator alone starts as a README says', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dashgate-readme-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const environment = await environmentIn(folder)
  const { printed } = await startCommand(t, { command: `${SIMULATE} --port 0`, environment, isReady: /OpenAI SDK +\S+\n/ })
  t.match(printed, 'The simulator is ready.')
})

/** Free ports, a data folder of its own and a configuration that says nothing, whatever is in the working copy. */
async function environmentIn (folder: string): Promise<Environment> {
  const configFile = join(folder, 'dashgate.yaml')
  writeFileSync(configFile, '{}\n')
  const [port, adminPort] = await freePorts()
  return {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    PORT: String(port),
    DASHGATE_ADMIN_PORT: String(adminPort),
    DASHGATE_DATA_DIR: join(folder, 'data'),
    DASHGATE_CONFIG: configFile,
    // npm asks its registry for a newer npm otherwise.
    npm_config_update_notifier: 'false'
  }
}

async function freePorts (): Promise<number[]> {
  const servers = [createServer(), createServer()]
  const ports = await Promise.all(servers.map(async (server) => {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  }))
  await Promise.all(servers.map(async (server) => await once(server.close(), 'close')))
  return ports
}

interface Started { readonly command: string, readonly environment: Environment, readonly isReady: RegExp }

/** Starts a command that goes on running, waits until it is ready, and ends it with the test. */
async function startCommand (t: Test, { command, environment, isReady }: Started): Promise<{ printed: string }> {
  // A process group of its own: the shell and npm do not hand signals on to what they have started.
  const child = spawn('sh', ['-c', command], { cwd: ROOT, env: environment, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  t.teardown(async () => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    await closed
  })
  let printed = ''
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => { complaints += chunk.toString() })
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    printed += chunk.toString()
    if (isReady.test(printed)) {
      child.stdout.resume()
      return { printed }
    }
  }
  throw new Error(`${command} ended:\n${printed}\n${complaints}`)
}

interface Reader { readonly folder: string, readonly environment: Environment }

async function runCommands (t: Test, commands: readonly string[], { folder, environment }: Reader): Promise<void> {
  const headersFile = join(folder, 'headers')
  let requestId: string | undefined
  for (const command of commands) {
    if (command === START || command === SIMULATE || command in LEFT_OUT) continue
    const found = PRINTED.filter(([pattern]) => pattern.test(withoutOptional(command)))
    t.equal(found.length, 1, `one expectation for ${command}`)
    const env = { ...environment, REQUEST_ID: requestId }
    const printed = await output(withoutOptional(command).replaceAll('127.0.0.1:8787', `127.0.0.1:${environment['PORT']}`), { headersFile, env })
    for (const [, pattern] of found) t.match(printed, pattern, command)
    if (command.startsWith('curl ')) requestId = /^x-request-id: (\S+)/mi.exec(readFileSync(headersFile, 'utf8'))?.[1]
  }
  t.type(requestId, 'string')
}

function withoutOptional (command: string): string {
  return command.replace(/ \[file\]$/, '')
}

/** What a command prints. It rejects where the command fails, curl's included: an answer of 400 is no success. */
async function output (command: string, { headersFile, env }: { headersFile: string, env: Environment }): Promise<string> {
  const line = command.startsWith('curl ') ? `${command} --fail --silent --show-error --dump-header '${headersFile}'` : command
  const { stdout } = await promisify(execFile)('sh', ['-c', line], { cwd: ROOT, env, timeout: 120_000, maxBuffer: 16 * 1024 * 1024 })
  return stdout
}
