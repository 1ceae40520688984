import { referenceTo } from './variables.ts'

/**
 * What the commented configuration file shows where a setting has no default to be shown: by section, in the order in which
 * people read it. The first entry of a list is the one whose settings are explained.
 */
export const TEMPLATE_EXAMPLES: Readonly<Record<string, unknown>> = {
  secrets: {
    admin_token: referenceTo('DASHGATE_ADMIN_TOKEN'),
    bootstrap_key: referenceTo('DASHGATE_BOOTSTRAP_KEY'),
    master_secret: referenceTo('DASHGATE_SECRET'),
    previous_master_secret: referenceTo('DASHGATE_SECRET_PREVIOUS')
  },
  upstreams: [
    {
      name: 'dashscope',
      protocol: 'dashscope',
      base_url: referenceTo('DASHSCOPE_BASE_URL:-https://dashscope.aliyuncs.com/api/v1'),
      keys: [referenceTo('DASHSCOPE_API_KEY:?set it to your DashScope key')],
      builtin_models: true,
      quirks: { extensions: true, developer_role: false, max_completion_tokens: false, tool_choice_required: 'pass', stream_only: false }
    },
    {
      name: 'local',
      protocol: 'openai',
      base_url: 'http://127.0.0.1:8000/v1',
      keys: [{ key: 'none', weight: 1 }],
      quirks: { extensions: false }
    }
  ],
  models: [
    {
      name: 'my-coder',
      aliases: ['coder'],
      targets: [
        { upstream: 'dashscope', model: 'qwen3-coder-plus' },
        { upstream: 'dashscope', model: 'qwen3-coder-flash', priority: 1 }
      ],
      context_tokens: 1_000_000,
      input_tokens_max: 997_952,
      output_tokens_max: 65_536,
      thinking_tokens_max: 0,
      tokenizer: 'qwen',
      price: [
        {
          currency: 'CNY',
          tiers: [
            { input_tokens_max: 32_768, input_per_1k: 0.004, output_per_1k: 0.016 },
            { input_tokens_max: 131_072, input_per_1k: 0.006, output_per_1k: 0.024 },
            { input_per_1k: 0.02, output_per_1k: 0.2 }
          ]
        },
        {
          from: '2027-01-01T00:00:00+08:00', currency: 'CNY', input_per_1k: 0.003, cached_input_per_1k: 0.0003, output_per_1k: 0.012, reasoning_output_per_1k: 0.03
        }
      ],
      native_service: 'text-generation',
      native_defaults: { result_format: 'message', incremental_output: true }
    },
    { name: 'qwen-coder-turbo', price: { currency: 'CNY', input_per_1k: 0.002, output_per_1k: 0.006 } }
  ]
}
