import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readJsonBody } from '../../src/core/body.ts'
import type { ClientCall, Protocol } from '../../src/core/protocol.ts'

interface Recorded { readonly path: string, readonly headers: Readonly<Record<string, string>>, readonly bodyText?: string }

/** A chat request as an unmodified client sent it. */
export interface Recording { readonly name: string, readonly call: ClientCall, readonly document: Record<string, any> }

const FOLDER = join(import.meta.dirname, '../fixtures/recorded')

/** All the chat requests recorded from clients of that protocol. */
export function recordingsOf ({ surface }: Protocol): Recording[] {
  const names = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'))
  return names.flatMap((name) => {
    const recorded = JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Recorded[]
    return recorded.flatMap(({ path, headers, bodyText }) => {
      if (!surface.chatPaths.includes(path) || bodyText === undefined) return []
      const body = readJsonBody(Buffer.from(bodyText), surface.recordedMembers)
      return [{ name, call: { path, headers, body }, document: JSON.parse(bodyText) }]
    })
  })
}
