// Holds the description of the admin API to the rules of redocly.yaml, without any network. An argument is the file to look at
// in its place.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ADMIN_ROUTES } from '../src/admin/table.ts'
import { openApiDocument } from '../src/admin/openapi.ts'
import packageJson from '../package.json' with { type: 'json' }

const folder = mkdtempSync(join(tmpdir(), 'dashgate-openapi-'))
try {
  const [given] = process.argv.slice(2)
  const file = given ?? join(folder, 'openapi.json')
  if (given === undefined) writeFileSync(file, JSON.stringify(openApiDocument(ADMIN_ROUTES, packageJson.version), undefined, 2))
  process.exitCode = lint(file)
} finally {
  rmSync(folder, { recursive: true })
}

/** @returns 1 for any error or warning */
function lint (file: string): number {
  const redocly = join('node_modules', '@redocly', 'cli', 'bin', 'cli.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [redocly, 'lint', file, '--config', 'redocly.yaml', '--format', 'json'], {
    encoding: 'utf8',
    env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  })
  const totals = totalsOf(stdout)
  if (status === 0 && totals?.errors === 0 && totals.warnings === 0) return 0
  console.error(stdout + stderr)
  return 1
}

function totalsOf (text: string): { readonly errors: number, readonly warnings: number } | undefined {
  try {
    return (JSON.parse(text) as { totals: { errors: number, warnings: number } }).totals
  } catch {
    return undefined
  }
}
