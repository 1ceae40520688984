import { parentPort } from 'node:worker_threads'
import { countTexts } from './prompt.ts'
import type { CountOptions } from './count.ts'

export interface CountRequest {
  readonly id: number
  readonly texts: readonly string[]
  readonly options: CountOptions
}

export interface CountReply {
  readonly id: number
  readonly tokens: number
}

parentPort?.on('message', ({ id, texts, options }: CountRequest) => {
  const reply: CountReply = { id, tokens: countTexts(texts, options) }
  parentPort?.postMessage(reply)
})
