import type { JsonObject, JsonValue } from './json.ts'

export type Role = 'system' | 'user' | 'assistant' | 'tool'

/** Media is a URL or base64 text handed on as it came, never fetched or decoded. `attributes` are the part's other keys. */
export type Part =
  | { readonly type: 'text', readonly text: string, readonly attributes?: JsonObject }
  | { readonly type: 'image' | 'video' | 'audio' | 'file', readonly source: JsonValue, readonly attributes?: JsonObject }

export interface ToolCall {
  readonly id: string
  readonly name: string
  /** JSON text as the model wrote it, perhaps cut short; never repaired. */
  readonly arguments: string
}

export interface Message {
  readonly role: Role
  readonly parts: readonly Part[]
  readonly name?: string
  /** On an assistant message. */
  readonly toolCalls?: readonly ToolCall[]
  readonly reasoning?: string
  /** The model is to continue this assistant message rather than answer it. */
  readonly partial?: true
  /** On a tool message: the call it answers. */
  readonly toolCallId?: string
}

/** Both protocols have both names: the first bounds the answer, the second its thinking too. */
export type OutputCapName = 'max_tokens' | 'max_completion_tokens'

/**
 * Sampling and output options under the names OpenAI's compatible mode and DashScope share. Values are the client's own,
 * already checked; an absent one stays absent. `extra` holds extension keys no protocol-neutral code reads.
 */
export interface ChatRequest {
  readonly messages: readonly Message[]
  readonly stream: boolean
  /** temperature, top_p, seed, stop, n, tools, tool_choice, response_format …: see PARAMETERS. Never max_tokens. */
  readonly parameters: JsonObject
  readonly outputTokensMax?: number
  /** What the client called its cap. */
  readonly outputCapName?: OutputCapName
  readonly extra: JsonObject
  /** Vendor headers that travel with the request, such as the workspace. */
  readonly vendorHeaders: Readonly<Record<string, string>>
}

/** What is needed to count a prompt; shapes as in src/tokens. */
export interface Prompt {
  readonly messages: readonly {
    readonly role: string
    readonly content: string
    readonly toolCalls?: readonly { readonly name: string, readonly arguments: string }[]
  }[]
  readonly tools?: readonly unknown[]
}

export function textOf (message: Pick<Message, 'parts'>, separator = '\n'): string {
  let text = ''
  let first = true
  for (const part of message.parts) {
    if (part.type !== 'text') continue
    text += first ? part.text : separator + part.text
    first = false
  }
  return text
}

/** As the model reads it. Earlier reasoning is part of it only where the client asks for that. */
export function promptOf (request: Pick<ChatRequest, 'messages' | 'parameters' | 'extra'>): Prompt {
  const tools = request.parameters['tools']
  const keepsReasoning = request.extra['preserve_thinking'] === true
  return {
    messages: request.messages.map((message) => ({
      role: message.role,
      content: (keepsReasoning ? message.reasoning ?? '' : '') + textOf(message),
      ...(message.toolCalls === undefined ? {} : { toolCalls: message.toolCalls })
    })),
    ...(Array.isArray(tools) ? { tools } : {})
  }
}
