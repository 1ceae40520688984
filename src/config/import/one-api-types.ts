/** How a channel's upstream is spoken to. */
export interface ChannelKind {
  readonly protocol: 'dashscope' | 'openai'
  /** Where requests go if the channel has no `base_url`; undefined where it must have one. */
  readonly host?: string
  /** What stands between the host and the protocol's own paths. */
  readonly path: '/v1' | '/api/v1' | '/compatible-mode/v1'
}

export type Program = 'one-api' | 'new-api'

const ALI: ChannelKind = { protocol: 'dashscope', host: 'https://dashscope.aliyuncs.com', path: '/api/v1' }
const BAILIAN: ChannelKind = { protocol: 'openai', host: 'https://dashscope.aliyuncs.com', path: '/compatible-mode/v1' }
const ELSEWHERE: ChannelKind = { protocol: 'openai', path: '/v1' }

function at (host: string): ChannelKind {
  return { protocol: 'openai', host, path: '/v1' }
}

/** Those whose numbers mean the same in both programs. */
const COMMON: ReadonlyArray<readonly [type: number, kind: ChannelKind]> = [
  [1, at('https://api.openai.com')],
  [8, ELSEWHERE],
  [17, ALI],
  [20, at('https://openrouter.ai/api')],
  [25, at('https://api.moonshot.cn')],
  [31, at('https://api.lingyiwanwu.com')]
]

/**
 * The types of channel that speak OpenAI's protocol, or DashScope's, by the number each program has for them: from
 * songquanpeng/one-api, relay/channeltype, and QuantumNous/new-api, constant/channel.go, read in 2026-11. From 26 on the two
 * count differently. Every other type has a protocol of its own.
 */
export const CHANNEL_KINDS: Readonly<Record<Program, ReadonlyMap<number, ChannelKind>>> = {
  'one-api': new Map([
    ...COMMON,
    [28, at('https://api.mistral.ai')],
    [29, at('https://api.groq.com/openai')],
    [30, at('http://localhost:11434')],
    [32, at('https://api.stepfun.com')],
    [36, at('https://api.deepseek.com')],
    [39, at('https://api.together.xyz')],
    [44, at('https://api.siliconflow.cn')],
    [45, at('https://api.x.ai')],
    [49, BAILIAN],
    [50, ELSEWHERE]
  ]),
  'new-api': new Map([
    ...COMMON,
    [4, at('http://localhost:11434')],
    [40, at('https://api.siliconflow.cn')],
    [42, at('https://api.mistral.ai')],
    [43, at('https://api.deepseek.com')],
    [47, ELSEWHERE],
    [48, at('https://api.x.ai')]
  ])
}

/** Where a channel's requests go, as our protocols need it. undefined where that is no URL. */
export function baseUrlOf ({ host, path, protocol }: ChannelKind, configured: string | undefined): string | undefined {
  const base = (configured ?? host ?? '').replace(/\/+$/, '').replace(/\/chat\/completions$/, '')
  if (!/^https?:\/\//.test(base) || !URL.canParse(base)) return undefined
  // The vendor's host has both protocols, and channels of this type name either path or none.
  if (protocol === 'dashscope') return `${base.replace(/\/(?:api|compatible-mode)(?:\/v1)?$/, '')}${path}`
  return /\/v\d+$/.test(base) ? base : `${base}${path}`
}
