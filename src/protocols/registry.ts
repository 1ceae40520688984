import { dashscope } from './dashscope/index.ts'
import { openai } from './openai/index.ts'
import type { Protocol } from '../core/protocol.ts'

/** Every protocol there is. Adding one is a folder beside these and a line here. */
export const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map([openai, dashscope].map((protocol) => [protocol.name, protocol]))
