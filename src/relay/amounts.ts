import { GatewayError } from '../core/errors.ts'
import { countOrRefuse } from './caps.ts'
import { countingMargin, tokensAtMost } from '../tokens/bounds.ts'
import { outputShapeOf, outputTokensOf } from '../limits/output-shape.ts'
import type { AdmissionRequest } from '../limits/limiter.ts'
import type { Envelope } from '../core/protocol.ts'
import type { Exchange } from './exchange.ts'
import type { TokenCounter } from '../tokens/counter.ts'

/** Most that one picture costs with any of the vendor's models, at its highest resolution. */
const PICTURE_TOKENS_MAX = 16_384
/** Parameters of a request take this much, and the model reads none of them. */
const PARAMETERS_BYTES = 512

/** The most that a request can come to, which is what has to be held for it. Its prompt is counted here if it was not before. */
export async function amountsOf (
  exchange: Exchange, envelope: Envelope, tokens: TokenCounter
): Promise<Pick<AdmissionRequest, 'amounts' | 'output'>> {
  const { model } = exchange
  if (model === undefined) throw new TypeError('a model must be resolved before its amounts')
  const inputTokens = Math.min(model.contextTokens, await inputTokensAtMost(exchange, envelope, tokens))
  const output = outputShapeOf(model, { ...envelope, capTokens: exchange.outputTokensMax ?? envelope.outputTokensAsked })
  return { amounts: { inputTokens, outputTokens: outputTokensOf(output), price: exchange.price }, output }
}

async function inputTokensAtMost (exchange: Exchange, envelope: Envelope, tokens: TokenCounter): Promise<number> {
  const { media, fetches, otherBytes, toolsBytes } = envelope
  // What is still to be fetched, or as long as a film, can be anything the model takes.
  if ((fetches || media.others > 0) && exchange.model !== undefined) return exchange.model.inputTokensMax
  const pictureTokens = media.pictures * PICTURE_TOKENS_MAX
  const counted = await countedPrompt(exchange, envelope, tokens)
  if (counted === undefined) return pictureTokens + tokensAtMost(exchange.call?.body.bytes.length ?? 0, toolsBytes)
  return pictureTokens + counted + Math.max(0, otherBytes - PARAMETERS_BYTES) + countingMargin(toolsBytes > 0)
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
