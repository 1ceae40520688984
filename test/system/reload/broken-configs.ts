/** A configuration that is bad in one way, made of a good one; and what is to be said of it, with its place. */
export interface BrokenConfig {
  readonly what: string
  readonly text: (good: string) => string
  readonly says: RegExp
}

/** A secret that stands in each of them. */
export const KEY = 'sk-kanari7q-of-the-upstream'

const afterLine = (good: string, pattern: RegExp, line: string): string => good.replace(pattern, (found) => `${found}\n${line}`)

export const BROKEN: readonly BrokenConfig[] = [
  { what: 'no YAML', text: (good) => `${good}\n  - [${KEY}`, says: /:\d+:\d+ / },
  { what: 'a quote that is never closed', text: (good) => good.replace(`[${KEY}]`, `["${KEY}]`), says: /:\d+:\d+ Missing/ },
  { what: 'a tab for indentation', text: (good) => good.replace('    protocol', '\tprotocol'), says: /:\d+:\d+ / },
  { what: 'an unknown section', text: (good) => `modells: []\n${good}`, says: /:1:1 modells: is not a setting/ },
  { what: 'an unknown key', text: (good) => good.replace('base_url', 'base_urll'), says: /:\d+:5 upstreams\[0\]\.base_urll: is not a setting/ },
  { what: 'a wrong type', text: (good) => good.replace(/context_tokens: \d+/, 'context_tokens: many'), says: /:\d+:\d+ models\[0\]\.context_tokens: must be a whole number/ },
  { what: 'a mapping where a list belongs', text: (good) => good.replace('models:\n', 'models: { a: 1 }\nignored:\n'), says: /:\d+:9 models: must be a list/ },
  { what: 'an unknown upstream', text: (good) => good.replace('{ upstream: steady', `{ upstream: ${'nobody'}`), says: /:\d+:\d+ models\[0\]\.targets\[0\]\.upstream: there is no such upstream/ },
  // eslint-disable-next-line no-template-curly-in-string
  { what: 'a variable that is not set', text: (good) => good.replace(`[${KEY}]`, '["${NOT_SET_AT_ALL}"]'), says: /:\d+:\d+ upstreams\[0\]\.keys\[0\]: the environment variable NOT_SET_AT_ALL is not set/ },
  { what: 'a price without its half', text: (good) => good.replace(/, output_per_1k: [\d.]+/, ''), says: /:\d+:\d+ models\[0\]\.price.output_per_1k: is required/ },
  { what: 'a price that is no number', text: (good) => good.replace(/input_per_1k: [\d.]+/, 'input_per_1k: -1'), says: /:\d+:\d+ models\[0\]\.price.input_per_1k: must be at least 0/ },
  { what: 'two models of one name', text: (good) => good.replace('{ name: held,', '{ name: steady,'), says: /:\d+:\d+ models\[\d+\]\.name: another model has this name/ },
  { what: 'two upstreams of one name', text: (good) => good.replace('name: held-up', 'name: steady'), says: /:\d+:\d+ upstreams\[\d+\]\.name: another upstream has this name/ },
  { what: 'a duration without its unit', text: (good) => good.replace('idle: 900s', 'idle: 900'), says: /:\d+:\d+ upstreams\[\d+\]\.timeouts\.idle: must be/ },
  { what: 'an upstream without keys', text: (good) => good.replace(`[${KEY}]`, '[]'), says: /:\d+:\d+ upstreams\[0\]\.keys: must not be empty/ },
  { what: 'a key with spaces', text: (good) => good.replace(`[${KEY}]`, `["${KEY} and more"]`), says: /:\d+:\d+ upstreams\[0\]\.keys\[0\]: must be printable ASCII/ },
  { what: 'a protocol nobody speaks', text: (good) => good.replace('protocol: openai', 'protocol: anthropic'), says: /:\d+:\d+ upstreams\[\d\]\.protocol: must be one of/ },
  { what: 'an alias of nothing', text: (good) => `${good}policies: *nothing`, says: /:\d+:\d+ there is no such anchor/ },
  { what: 'a policy that is none', text: (good) => `${good}policies: { client_abort: maybe }`, says: /:\d+:\d+ policies\.client_abort: must be one of cancel, drain/ },
  { what: 'a text in place of the whole', text: () => KEY, says: /:1:1 must be a mapping/ },
  { what: 'a key given twice', text: (good) => afterLine(good, /^models:/m, ' {}\nmodels:'), says: /:\d+:\d+ / },
  { what: 'bytes', text: () => '\u0000\u0001\u0002: [', says: /:1:\d+ / },
  { what: 'more output than context', text: (good) => good.replace(/output_tokens_max: \d+/, 'output_tokens_max: 999999999'), says: /:\d+:\d+ models\[0\]\.output_tokens_max: / },
  { what: 'a total timeout beyond what is remembered', text: (good) => good.replace('total: 80m', 'total: 300m'), says: /:\d+:\d+ upstreams\[\d\]\.timeouts\.total: must be at most 90m/ },
  { what: 'everything at once', text: (good) => good.replace('base_url', 'x').replace(/context_tokens: \d+/, 'context_tokens: -1'), says: /:\d+:\d+ upstreams\[0\]\.x: is not a setting/ }
]
