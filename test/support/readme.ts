import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export type ReadmeName = 'README.md' | 'README.zh-CN.md'

export const READMES: readonly ReadmeName[] = ['README.md', 'README.zh-CN.md']

export const ROOT = join(import.meta.dirname, '..', '..')

/** The commands a reader is shown: those of the `sh` blocks in their order, then those of the table of commands. */
export function commandsOf (name: ReadmeName): string[] {
  const inBlocks = blocksOf(name, 'sh').flatMap((block) => block.replaceAll(/\\\n\s*/g, '').split('\n'))
  const inTable = [...textOf(name).matchAll(/^\| `(npm [^`]+)` \|/gm)].map(([, command = '']) => command)
  return [...inBlocks, ...inTable]
}

/** The code blocks of one language. */
export function blocksOf (name: ReadmeName, language: 'sh' | 'python'): string[] {
  return [...textOf(name).matchAll(new RegExp(`^\`\`\`${language}\n(.*?)\n\`\`\`$`, 'gms'))].map(([, block = '']) => block)
}

/** Without what is said to the model, which is in the reader's language. */
export function withoutPrompts (code: string): string {
  return code.replaceAll(/("(?:content|prompt)": ?|\bprompt=)"[^"]*"/g, '$1""')
}

function textOf (name: ReadmeName): string {
  return readFileSync(join(ROOT, name), 'utf8')
}
