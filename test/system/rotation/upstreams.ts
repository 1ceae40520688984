/** The YAML of one upstream, the simulator, called with these keys. */
export function upstreamsOf (keys: readonly string[]): (simulatorUrl: string) => string {
  return (simulatorUrl) => [
    'upstreams:',
    '  - name: sim',
    '    protocol: openai',
    `    base_url: ${simulatorUrl}/compatible-mode/v1`,
    `    keys: [${keys.join(', ')}]`,
    '    builtin_models: true'
  ].join('\n')
}
