import type { ChatRequest, Prompt } from './chat.ts'
import type { JsonBody } from './body.ts'
import type { AnswerFacts, ChatEvent } from './event.ts'
import type { GatewayError } from './errors.ts'
import type { DialectTarget, UpstreamKey, VendorRules } from './target.ts'
import type { SseEvent } from './sse-event.ts'
import type { Transcript } from './transcript.ts'
import type { Usage } from './usage.ts'

/**
 * What a protocol folder fills. The same protocol can be a surface (what clients speak to us) and a dialect (what we
 * speak to an upstream). All of it is pure: bytes and values in, bytes and values out.
 */
export interface Protocol {
  readonly name: string
  readonly surface: Surface
  readonly dialect: Dialect
}

export type HeaderValues = Readonly<Record<string, string | undefined>>

/** A client's request as it came: `path` is the route's pattern, `headers` are lower-case and single-valued. */
export interface ClientCall {
  readonly path: string
  readonly headers: HeaderValues
  readonly body: JsonBody
}

export interface Surface {
  /** POST paths that take a chat request. */
  readonly chatPaths: readonly string[]
  /** Path prefixes whose unknown routes and early errors are answered in this protocol; the longest match wins. */
  readonly prefixes: readonly string[]
  /** Top-level objects of the body whose members are read one by one. */
  readonly recordedMembers: ReadonlySet<string>
  /** Checks the call against the vendor's ranges and opens it. @throws GatewayError in 4xx kinds */
  open (call: ClientCall, rules: VendorRules): OpenedCall
  renderError (error: GatewayError, requestId: string): ErrorReply
}

/** A checked call. It knows the shape its client wants the answer in, so nobody else has to. */
export interface OpenedCall {
  readonly envelope: Envelope
  parseRequest (): ChatRequest
  renderResponse (events: readonly ChatEvent[], reply: ReplyIdentity): Buffer
  createEncoder (reply: ReplyIdentity): Encoder
}

/** What is read without judging the rest: enough to route, count and take the byte lane. */
export interface Envelope {
  readonly model: string
  readonly stream: boolean
  readonly choices: number
  readonly outputTokensMax: number | undefined
  /** The key the client named its output cap by, for messages and for setting it. */
  readonly outputCapPath: string
  /** The most output the client asks for: not `outputTokensMax` where it gives two caps and both go up. */
  readonly outputTokensAsked: number | undefined
  readonly thinking: Thinking
  /** What in the messages is no text: its bytes prove nothing, for the URL of an image costs thousands of tokens. */
  readonly media: Media
  /** How many of the body's bytes are neither messages nor tools: a schema for the answer, say, is part of the prompt too. */
  readonly otherBytes: number
  /** Whether the model is asked to fetch text that nobody has seen yet, which it is then given to read. */
  readonly fetches: boolean
  /** How many of the body's bytes the tools take; 0 without tools. */
  readonly toolsBytes: number
  /** Whether the client wants the usage a stream carries; true where its protocol has it in every event. */
  readonly usageWanted: boolean
  /** Whether each event of a stream is to repeat all text so far. */
  readonly cumulative: boolean
  prompt (): Prompt
}

/** A picture has a largest cost; films, sounds and documents are as long as they are. */
export interface Media { readonly pictures: number, readonly others: number }

/** What a request says of thinking: it may cost as many tokens as the answer, and the answer's cap does not bound it. */
export interface Thinking {
  readonly asked: 'on' | 'off' | 'unsaid'
  readonly tokensMax: number | undefined
}

export interface ReplyIdentity {
  readonly requestId: string
  /** The model as the client named it. */
  readonly model: string
  readonly createdSeconds: number
}

export interface ErrorReply { readonly status: number, readonly body: Buffer }

/** Turns events into the bytes of a stream, in order. `response-error` ends it with the surface's own error. */
export interface Encoder {
  encode (event: ChatEvent): Buffer | undefined
  /** A comment that keeps idle proxies from cutting the line. */
  keepAlive (): Buffer
}

export interface UpstreamCall {
  /** Appended to the upstream's base URL. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly stream: boolean
  /** Names of the client's parameters that this dialect has no word for and leaves out, as `ignoredNames` shows them. */
  readonly ignoredParameters: readonly string[]
}

/** What the dialect may change on its way up, besides what its target's quirks say. */
export interface Adjustments {
  /** Set when the gateway lowers the output cap; undefined leaves the client's own. */
  readonly outputTokensMax: number | undefined
}

export interface Dialect {
  /** Headers that make a call in the name of `key`. */
  authorize (key: UpstreamKey): Readonly<Record<string, string>>
  /** The byte lane's request, or undefined where this target needs the canonical lane. */
  relayRequest (call: ClientCall, opened: OpenedCall, target: DialectTarget, adjustments: Adjustments): UpstreamCall | undefined
  /** The canonical lane's request. @throws GatewayError `unsupported_parameter` for what this dialect cannot express */
  renderRequest (request: ChatRequest, target: DialectTarget): UpstreamCall
  /** @throws GatewayError where a 2xx body is an error or no answer at all */
  parseResponse (body: Buffer): ChatEvent[]
  createDecoder (target: DialectTarget): Decoder
  createObserver (wanted: ObserverWanted): Observer
  /** Watches a whole answer on the byte lane. @throws GatewayError where a 2xx body is an error */
  observeResponse (body: Buffer): Pick<Observer, 'usage' | 'transcripts' | 'outputBytes' | 'hasThoughts' | 'told'>
  parseError (reply: UpstreamReply): GatewayError
}

export interface UpstreamReply { readonly status: number, readonly headers: HeaderValues, readonly body: Buffer }

/** The canonical lane's reader. After an error event it gives nothing more. */
export interface Decoder {
  decode (event: SseEvent): ChatEvent[]
  /** The upstream has closed: what is still pending, then `response-end`, or `response-error` if the answer is not whole. */
  end (): ChatEvent[]
}

/** The byte lane's verdict on one event. */
export type Verdict =
  | { readonly action: 'relay' }
  | { readonly action: 'withhold' }
  | { readonly action: 'replace', readonly bytes: Buffer }
  | { readonly action: 'fail', readonly error: GatewayError }

/** What the client asked of the stream that is watched. */
export interface ObserverWanted { readonly usage: boolean, readonly cumulative: boolean }

/** The byte lane's eye: it never sees bytes the client will not, and it decides nothing but the verdict. */
export interface Observer {
  observe (event: SseEvent): Verdict
  /** True once the event that ends a whole answer was seen; a stream that closes without it was cut. */
  readonly complete: boolean
  /** True once any generated content was seen. */
  readonly contentSeen: boolean
  usage (): Usage | undefined
  /** All that was written, for the estimate of a stream that was cut before its usage came. */
  transcripts (): readonly Transcript[]
  /** Whether any of it is a chain of thought. */
  readonly hasThoughts: boolean
  /** The text that the last event repeats, where each event repeats all text so far; else ''. */
  repeatedText (): string
  /** At least as many bytes as all the text seen has; asked after every chunk. */
  outputBytes (): number
  told (): AnswerFacts
}
