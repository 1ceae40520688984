import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, type } from 'node:os'
import { join } from 'node:path'

const FILE = join(import.meta.dirname, 'RESULTS.md')
const HEAD = '# Results\n\nEach section is written anew by its own benchmark; the numbers are of one machine, named there.\n'

export interface Section {
  readonly title: string
  /** As anybody would run it. */
  readonly command: string
  /** Programs that took part, with their versions. */
  readonly versions: readonly string[]
  readonly lines: readonly string[]
}

/** Puts a section in the place of the one with the same title, or at the end. */
export function writeSection ({ title, command, versions, lines }: Section): void {
  const name = title.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const text = existsSync(FILE) ? readFileSync(FILE, 'utf8') : HEAD
  const section = [begin, `## ${title}`, '', ...conditions(command, versions), '', ...lines, end].join('\n')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  writeFileSync(FILE, from < 0 || to < 0 ? `${text}\n${section}\n` : text.slice(0, from) + section + text.slice(to + end.length))
}

function conditions (command: string, versions: readonly string[]): string[] {
  const processors = cpus()
  return [
    `* \`${command}\`, ${new Date().toISOString().slice(0, 10)}, commit ${commit()}`,
    `* ${processors.length} × ${processors[0]?.model.trim()}, ${type()} ${release()}; ${[`Node ${process.version}`, ...versions].join(', ')}`
  ]
}

function commit (): string {
  const git = (...words: readonly string[]): string => execFileSync('git', words, { cwd: import.meta.dirname, encoding: 'utf8' }).trim()
  return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ' and changes')
}
