import type { QuirksConfig } from '../schema.ts'

export interface Provider {
  /** Where LiteLLM sends requests that name no `api_base`; undefined where it has to be named. */
  readonly baseUrl?: string
  /** The variable whose key LiteLLM sends where the file names none; undefined where a server may want none. */
  readonly keyVariable?: string
  readonly quirks?: QuirksConfig
}

const OPENAI_QUIRKS: QuirksConfig = { extensions: false, developer_role: true, max_completion_tokens: true }

/**
 * LiteLLM's providers that speak OpenAI's protocol, by the prefix of a model's name, as its documentation has them of
 * 2026-10. Every other provider has a protocol of its own.
 */
export const LITELLM_PROVIDERS: ReadonlyMap<string, Provider> = new Map<string, Provider>([
  ['openai', { baseUrl: 'https://api.openai.com/v1', keyVariable: 'OPENAI_API_KEY', quirks: OPENAI_QUIRKS }],
  ['dashscope', { baseUrl: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1', keyVariable: 'DASHSCOPE_API_KEY' }],
  ['qwencloud', { baseUrl: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1', keyVariable: 'QWENCLOUD_API_KEY' }],
  ['qwen_ai_platform', { baseUrl: 'https://dashscope.aliyuncs.com/compatible-mode/v1', keyVariable: 'QWEN_AI_PLATFORM_API_KEY' }],
  ['deepseek', { baseUrl: 'https://api.deepseek.com/v1', keyVariable: 'DEEPSEEK_API_KEY' }],
  ['moonshot', { baseUrl: 'https://api.moonshot.ai/v1', keyVariable: 'MOONSHOT_API_KEY' }],
  ['openrouter', { baseUrl: 'https://openrouter.ai/api/v1', keyVariable: 'OPENROUTER_API_KEY' }],
  ['together_ai', { baseUrl: 'https://api.together.xyz/v1', keyVariable: 'TOGETHERAI_API_KEY' }],
  ['groq', { baseUrl: 'https://api.groq.com/openai/v1', keyVariable: 'GROQ_API_KEY' }],
  ['hosted_vllm', {}],
  ['openai_like', {}],
  ['custom_openai', {}],
  ['lm_studio', {}],
  ['xinference', {}],
  ['litellm_proxy', {}]
])
