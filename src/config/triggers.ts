import { watch } from 'node:fs'
import { basename, dirname } from 'node:path'

type Listen = (changed: () => void) => () => void

/**
 * Watches the folder rather than the file: editors and Kubernetes put a new file in the old one's place, and a watch on
 * the old one would stay with what was deleted. A folder that cannot be watched is `failed`, and SIGHUP is left.
 */
export function watchFile (path: string, failed: (error: unknown) => void): Listen {
  return (changed) => {
    try {
      const watcher = watch(dirname(path))
      watcher.on('change', (_event, name) => { if (isFile(name, path)) changed() })
      watcher.on('error', failed)
      return () => watcher.close()
    } catch (error) {
      failed(error)
      return () => {}
    }
  }
}

/** Kubernetes swaps the link `..data` that the file's own link points through; some systems give no name at all. */
function isFile (name: string | Buffer | null, path: string): boolean {
  return name === null || String(name) === basename(path) || String(name) === '..data'
}

/** `SIGHUP`, as daemons have it. */
export function watchSignal (process: Pick<NodeJS.Process, 'on' | 'off'>, signal: 'SIGHUP'): Listen {
  return (changed) => {
    process.on(signal, changed)
    return () => { process.off(signal, changed) }
  }
}
