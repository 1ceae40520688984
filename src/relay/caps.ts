import { GatewayError, invalidParameter } from '../core/errors.ts'
import { countingMargin, fitsByBytes } from '../tokens/bounds.ts'
import type { Envelope } from '../core/protocol.ts'
import type { Exchange } from './exchange.ts'
import { TokenCounterError } from '../tokens/counter.ts'
import type { TokenCounter } from '../tokens/counter.ts'

/** Tools are laid out for the count on the main thread. This much takes some 30 ms and is more than 100,000 tokens. */
const TOOLS_BYTES_MAX = 524_288

/**
 * Holds a request to its model's caps, in the vendor's words. The prompt is counted only where its bytes cannot prove
 * that it fits, and a prompt within the counting margin of the cap is let through for the upstream to decide.
 * @throws GatewayError `invalid_request`
 */
export async function fitCaps (exchange: Exchange, envelope: Envelope, tokens: TokenCounter): Promise<void> {
  fitOutput(exchange, envelope)
  if (envelope.toolsBytes > TOOLS_BYTES_MAX) {
    throw invalidParameter('tools', `The tools take more than ${TOOLS_BYTES_MAX} bytes.`)
  }
  await fitInput(exchange, envelope, tokens)
}

function fitOutput (exchange: Exchange, envelope: Envelope): void {
  const { outputTokensMax: wanted, outputCapPath } = envelope
  const model = exchange.model
  if (wanted === undefined || model === undefined) return
  if (wanted >= 1 && wanted <= model.outputTokensMax) return
  if (wanted < 1 || exchange.catalog.policies.outputOverCap === 'reject') {
    throw invalidParameter(outputCapPath, `Range of max_tokens should be [1, ${model.outputTokensMax}]`)
  }
  exchange.outputTokensMax = model.outputTokensMax
  exchange.reply.setHeader('x-dashgate-clamped', `${outputCapPath}=${model.outputTokensMax}`)
}

async function fitInput (exchange: Exchange, envelope: Envelope, tokens: TokenCounter): Promise<void> {
  const { model, call } = exchange
  if (model === undefined || call === undefined || hasMedia(envelope) || model.tokenizer !== 'qwen') return
  if (fitsByBytes(call.body.bytes.length, model.inputTokensMax, envelope.toolsBytes)) return
  const prompt = envelope.prompt()
  const tokensMax = model.inputTokensMax + countingMargin(prompt.tools !== undefined)
  const counted = await countOrRefuse(() => tokens.count(prompt, { tokensMax }))
  exchange.inputTokensCounted = counted
  if (counted > tokensMax) {
    throw new GatewayError('invalid_request', `Range of input length should be [1, ${model.inputTokensMax}]`)
  }
}

/** A prompt that cannot be counted now is not let through uncounted. */
export async function countOrRefuse (count: () => number | Promise<number>): Promise<number> {
  try {
    return await count()
  } catch (cause) {
    if (!(cause instanceof TokenCounterError)) throw cause
    throw new GatewayError('overloaded', 'The gateway is counting too many long prompts. Try again shortly.', { cause, retryAfterMs: 1_000 })
  }
}

function hasMedia ({ media }: Envelope): boolean {
  return media.pictures + media.others > 0
}
