import { accessSync, constants, existsSync, readdirSync, statSync, statfsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { findingsFor } from './finding.ts'
import type { Finding } from './finding.ts'

/** @param version of Node.js, such as v24.1.0 @param range such as >=22.19 */
export function checkNode (version: string, range: string): Finding {
  const { ok, fail } = findingsFor('node')
  const [have, need] = [version, range].map((text) => text.replace(/^[^\d]+/, '').split('.').map(Number))
  const isOld = [0, 1].reduce((sign, place) => sign === 0 ? Math.sign((have?.[place] ?? 0) - (need?.[place] ?? 0)) : sign, 0) < 0
  if (isOld) return fail(`Node.js ${version} is too old for this gateway, which needs ${range}`, 'Install a newer Node.js; npm start fetches one by itself.')
  return ok(`Node.js ${version}`)
}

const MEBIBYTE_BYTES = 1_048_576
const FREE_BYTES_LOW = 1_024 * MEBIBYTE_BYTES
const FREE_BYTES_MIN = 100 * MEBIBYTE_BYTES

/** The folder of the database, the spool and generated secrets. Nothing is made or changed. */
export function checkDataFolder (dataDir: string): readonly Finding[] {
  const { ok, fail } = findingsFor('data_dir')
  const isThere = existsSync(dataDir)
  const folder = isThere ? dataDir : nearestFolder(dataDir)
  if (!statSync(folder).isDirectory()) return [fail(`${folder} is no folder, so ${dataDir} cannot hold anything`, 'Set store.data_dir to another place.')]
  const isWritable = canWrite(folder)
  const state = isThere ? `${dataDir} is there` : `${dataDir} is not there yet; the first start makes it`
  return [
    isWritable
      ? ok(`${state}${isThere ? ' and can be written' : ''}`)
      : fail(`${folder} cannot be written by this user`, 'Run the gateway as the folder\'s owner, or set store.data_dir to another place.'),
    ...(isThere ? checkModes(dataDir) : []),
    checkSpace(folder)
  ]
}

function nearestFolder (path: string): string {
  const parent = dirname(resolve(path))
  return existsSync(parent) ? parent : nearestFolder(parent)
}

function canWrite (folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

const OTHERS = 0o077
const NAMES_SHOWN_MAX = 5

/** Everything in there is the gateway's alone. */
function checkModes (dataDir: string): Finding[] {
  const { ok, warn } = findingsFor('data_dir')
  const isOpen = (path: string): boolean => ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & OTHERS) !== 0
  const open = readdirSync(dataDir).filter((name) => isOpen(join(dataDir, name)))
  const found = [
    ...(isOpen(dataDir) ? [warn(`other users of this machine may look into ${dataDir}`, `chmod 700 ${dataDir}`)] : []),
    ...(open.length > 0 ? [warn(`other users may read ${listed(open)} in ${dataDir}`, `chmod 600 ${dataDir}/*`)] : [])
  ]
  return found.length > 0 ? found : [ok('nobody else may read what is in it')]
}

function listed (names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN_MAX).join(', ')
  return names.length > NAMES_SHOWN_MAX ? `${shown} and ${names.length - NAMES_SHOWN_MAX} more` : shown
}

function checkSpace (folder: string): Finding {
  const { bavail, bsize } = statfsSync(folder)
  return spaceFinding(bavail * bsize)
}

export function spaceFinding (freeBytes: number): Finding {
  const { ok, warn, fail } = findingsFor('data_dir')
  const text = `${Math.floor(freeBytes / MEBIBYTE_BYTES).toLocaleString('en')} MiB are free there`
  const advice = 'Make room: without it no usage can be written down.'
  if (freeBytes < FREE_BYTES_MIN) return fail(text, advice)
  return freeBytes < FREE_BYTES_LOW ? warn(text, advice) : ok(text)
}
