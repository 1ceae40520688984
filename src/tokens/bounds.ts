import { TOOLS_MARGIN_TOKENS } from './prompt.ts'

/** Up to this many tokens above the cap, the upstream decides: its template may differ from the public one a little. */
export const COUNTING_MARGIN_TOKENS = 64

/** The same for a prompt with tools. */
const COUNTING_MARGIN_WITH_TOOLS_TOKENS = COUNTING_MARGIN_TOKENS + TOOLS_MARGIN_TOKENS

/** How far the service's own count of a prompt may be above ours. */
export function countingMargin (hasTools: unknown): number {
  return hasTools === true ? COUNTING_MARGIN_WITH_TOOLS_TOKENS : COUNTING_MARGIN_TOKENS
}

/** What the service may add of its own: a default system message and the frame around tools. */
const SERVICE_TEXT_TOKENS = 512

/**
 * Whether the length of a chat request alone proves that its prompt fits, so that it need not be counted.
 *
 * Every token has a byte at least, what the template adds to a message or a tool call is less than the JSON around it
 * (5 tokens and 25 bytes a message), and JSON escapes are longer than what they stand for. Tools are shown to the model
 * with a space after each comma and colon, which makes them longer by half at worst: pass how many of the bytes may be
 * tools, if fewer than all.
 *
 * It holds for bodies in valid UTF-8 without images, audio or video, whose tokens do not depend on the length of a URL.
 * One exception is left to the upstream: some rare characters, which normal form C takes apart, can triple a text.
 */
export function fitsByBytes (bodyBytes: number, inputTokensMax: number, toolsBytesMax: number = bodyBytes): boolean {
  return tokensAtMost(bodyBytes, toolsBytesMax) <= inputTokensMax
}

/** The bound itself, in tokens. */
export function tokensAtMost (bodyBytes: number, toolsBytesMax: number = bodyBytes): number {
  return bodyBytes + Math.ceil(toolsBytesMax / 2) + SERVICE_TEXT_TOKENS
}
