// Starts a script of this project on a Node.js that can run it, from a clone where nothing is installed yet.
// It runs on any Node from 18 on and imports nothing but Node's own modules: it is what makes the rest available.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const RUNTIME = join(ROOT, 'tools', 'node')

const node = findNode()
const env = { ...process.env, PATH: dirname(node) + delimiter + process.env.PATH }
installIfMissing(ROOT, 'dependencies', env)

const child = spawn(node, process.argv.slice(2), { stdio: 'inherit', env })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => { process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143) })

/** The path of a Node.js that strips types and that our dependencies accept; installs the pinned one if need be. */
function findNode () {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 19)) return process.execPath
  installIfMissing(RUNTIME, 'Node.js 24 (the one on PATH is ' + process.version + ')', process.env)
  const bin = join(RUNTIME, 'node_modules', '.bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (existsSync(bin)) return bin
  console.error(`dashgate: needs Node.js 22.19 or newer, found ${process.version}, and none is packaged for ${process.platform}-${process.arch}. Install Node.js 24.`)
  process.exit(2)
}

/** Runs `npm ci` in `folder` when its lockfile is newer than what is installed there. */
function installIfMissing (folder, what, env) {
  const installed = join(folder, 'node_modules', '.package-lock.json')
  const lockfile = join(folder, 'package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockfile).mtimeMs) return
  console.error(`dashgate: installing ${what} …`)
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const { status } = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'], env, shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}
