import { GatewayError } from '../core/errors.ts'
import { countOrRefuse } from './caps.ts'
import { countingMargin, tokensAtMost } from '../tokens/bounds.ts'
import { outputShapeOf, outputTokensOf } from '../limits/output-shape.ts'
import type { AdmissionRequest } from '../limits/limiter.ts'
import type { Envelope } from '../core/protocol.ts'
import type { Exchange } from './exchange.ts'
import type { TokenCounter } from '../tokens/counter.ts'

/** Most that one picture, sound or video costs with any of the vendor's models at its highest resolution. */
const MEDIA_PART_TOKENS_MAX = 16_384

/** The most that a request can come to, which is what has to be held for it. Its prompt is counted here if it was not before. */
export async function amountsOf (
  exchange: Exchange, envelope: Envelope, tokens: TokenCounter
): Promise<Pick<AdmissionRequest, 'amounts' | 'output'>> {
  const { model } = exchange
  if (model === undefined) throw new TypeError('a model must be resolved before its amounts')
  const inputTokens = Math.min(model.contextTokens, await inputTokensAtMost(exchange, envelope, tokens))
  const output = outputShapeOf(model, { ...envelope, capTokens: exchange.outputTokensMax ?? envelope.outputTokensAsked })
  return { amounts: { inputTokens, outputTokens: outputTokensOf(output), price: model.price }, output }
}

async function inputTokensAtMost (exchange: Exchange, envelope: Envelope, tokens: TokenCounter): Promise<number> {
  const mediaTokens = envelope.mediaParts * MEDIA_PART_TOKENS_MAX
  const counted = await countedPrompt(exchange, envelope, tokens)
  if (counted !== undefined) return mediaTokens + counted + countingMargin(envelope.toolsBytes > 0)
  return mediaTokens + tokensAtMost(exchange.call?.body.bytes.length ?? 0, envelope.toolsBytes)
}

/** Undefined where no count of ours can be trusted: another tokenizer, or a prompt that has no canonical form. */
async function countedPrompt (exchange: Exchange, envelope: Envelope, tokens: TokenCounter): Promise<number | undefined> {
  if (exchange.model?.tokenizer !== 'qwen') return undefined
  try {
    exchange.inputTokensCounted ??= await countOrRefuse(() => tokens.count(envelope.prompt()))
    return exchange.inputTokensCounted
  } catch (caught) {
    if (caught instanceof GatewayError && caught.kind !== 'overloaded') return undefined
    throw caught
  }
}
