import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface Place {
  readonly folder: string
  readonly environment?: Readonly<Record<string, string>>
  /** What is on standard input; nothing if it is left out. */
  readonly input?: string
}

export interface Finished { readonly code: number | null, readonly stdout: string, readonly stderr: string }

/** Runs a command to its end. It sees no environment but the one given. */
export async function run (words: readonly string[], place: Place): Promise<Finished> {
  const child = launch(words, place)
  const [code] = await once(child.process, 'close') as [number | null]
  return { code, stdout: child.output.stdout, stderr: child.output.stderr }
}

export interface Launched {
  readonly process: ReturnType<typeof spawn>
  readonly output: { stdout: string, stderr: string }
  /** The first line of standard output that matches, whether it has been written or not. */
  line (pattern: RegExp): Promise<string>
  /** Sends the signal and gives the exit code. */
  stop (signal: NodeJS.Signals): Promise<number | null>
}

export function launch (words: readonly string[], { folder, environment = {}, input }: Place): Launched {
  const env = { PATH: process.env['PATH'] ?? '', ...environment }
  const child = spawn(process.execPath, [MAIN, ...words], { cwd: folder, env, stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.end(input ?? '')
  const output = { stdout: '', stderr: '' }
  const closed = once(child, 'close') as Promise<[number | null]>
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => { output.stdout += `${line}\n` })
  child.stderr.on('data', (bytes: Buffer) => { output.stderr += bytes.toString() })
  return {
    process: child,
    output,
    line: (pattern) => new Promise((resolve, reject) => {
      const look = (): void => {
        const found = output.stdout.split('\n').find((line) => pattern.test(line))
        if (found !== undefined) resolve(found)
      }
      lines.on('line', look)
      look()
      closed.then(([code]) => reject(new Error(`it ended with ${code} and without ${pattern}:\n${output.stdout}${output.stderr}`)), reject)
    }),
    async stop (signal) {
      child.kill(signal)
      return (await closed)[0]
    }
  }
}
