import type { Command, Option } from 'commander'

const HEAD = `# Command line

\`npm run dashgate -- <command>\` in this folder, \`dashgate <command>\` where it is installed. This page is made of the program itself:
\`npm run docs:cli\`.

* **\`--json\`** prints one JSON object on standard output instead of a table: the members named below are stable, and others may be
  added. What goes wrong is \`{"error": "…"}\`, or \`{"problems": […]}\` for a bad configuration.
* **Exit codes**: 0 done; 1 it went wrong; 2 the command line or the configuration is wrong.
* **Secrets** are never arguments, which any user of the machine can see. They come from the environment, from a file, or, where the
  file is \`-\`, from standard input. A secret that is made is printed once.
* Colours and progress are for terminals alone, and \`NO_COLOR\` turns colours off.

Commands that ask a running gateway take these options too:

| option | means |
|---|---|
`

/** What a script finds in the JSON of each command. */
export const JSON_MEMBERS: Readonly<Record<string, string>> = {
  start: '`openai_base_url`, `dashscope_base_url`, `admin_url`, `api_key`, `admin_token_file`, `config_file`, `simulated`',
  init: '`file`; with `--print`, `yaml`',
  'import litellm': '`yaml`, or `file` with `--output`; `variables` (`name`, `path`, `moved`), `warnings` (`path`, `message`), `problems`',
  'import one-api': '`yaml`, or `file` with `--output`; `variables` (`name`, `path`, `moved`), `warnings` (`path`, `message`), `problems`',
  'config check': '`file`, `problems` (`source`, `path`, `line`, `column`, `message`)',
  'config schema': 'the schema, on one line',
  doctor: '`ok`, `warnings`, `failures`, `findings` (`check`, `level`, `message`, `advice`)',
  healthcheck: '`url`, `ready`',
  simulate: '`dashscope`, `openai`',
  'team create': 'the team',
  'team list': '`data`: all teams',
  'team set': 'the team',
  'key create': 'the key, with `secret`',
  'key list': '`data`: the team\'s keys',
  'key rotate': 'the key, with `secret` and `former` (`until`)',
  'key revoke': '`id`, `revoked`',
  usage: 'the answer of `GET /admin/v1/usage`',
  explain: 'the answer of `POST /admin/v1/explain`',
  'upstream list': '`data`: all upstreams (`name`, `protocol`, `base_url`, `drained`, `keys`)',
  'upstream add-key': 'the key\'s state: `id`, `origin`, `state`, `in_flight`, `weight`',
  'upstream remove-key': '`upstream`, `key`, `removed`',
  'upstream drain': '`upstream`, `key`, `drained`',
  'upstream resume': '`upstream`, `key`, `drained`',
  'token create': 'the token\'s entry, with `token`',
  'token list': '`data`: all tokens',
  'token revoke': '`id`, `revoked`',
  'audit list': '`data`: the entries',
  'audit verify': '`ok`, `entries`, `head`; of a broken log `ok`, `seq`, `why`'
}

const EXAMPLES: Readonly<Record<string, string>> = {
  init: 'dashgate init && dashgate config check',
  'import litellm': 'dashgate import litellm config.yaml --output dashgate.yaml',
  'import one-api': 'curl -H "Authorization: $ONE_API_TOKEN" http://one-api:3000/api/channel/ | dashgate import one-api - --output dashgate.yaml',
  'team create': 'dashgate team create search --requests-per-minute 600 --budget monthly=300CNY/month@Asia/Shanghai --models "qwen-coder-*"',
  'key create': 'dashgate key create search --name ci --json | jq -r .secret',
  'key rotate': 'dashgate key rotate k3x9a2bc --grace 7d',
  usage: 'dashgate usage --from 2026-11-01 --group-by team,model --time-zone Asia/Shanghai --format csv > november.csv',
  explain: 'dashgate explain search qwen-coder-turbo --input-tokens 2000',
  'upstream add-key': 'dashgate upstream add-key dashscope --key-file - < new-key',
  'upstream drain': 'dashgate upstream drain dashscope --key 9df37f5e7cbc',
  'token create': 'dashgate token create --role viewer --name grafana',
  'audit verify': 'dashgate audit verify --head "$(cat audit-head)" --json | jq -r .head > audit-head.new'
}

/** docs/cli.md. */
export function cliDocs (program: Command): string {
  const commands = leavesOf(program)
  const shared = commands.find(({ command }) => asksGateway(command))?.command.options.filter((option) => isShared(option)) ?? []
  const sections = commands.map(({ name, command }) => sectionText(name, command))
  return [`${HEAD}${shared.map(optionRow).join('\n')}\n`, ...sections].join('\n')
}

export interface Leaf { readonly name: string, readonly command: Command }

/** The commands that do something, in the program's order. */
export function leavesOf (command: Command, parents: readonly string[] = []): Leaf[] {
  return command.commands.flatMap((child) => {
    const names = [...parents, child.name()]
    return child.commands.length === 0 ? [{ name: names.join(' '), command: child }] : leavesOf(child, names)
  })
}

const SHARED = ['--url', '--token-file', '--config', '--json']

function isShared ({ long }: Option): boolean {
  return SHARED.includes(long ?? '')
}

function asksGateway (command: Command): boolean {
  return command.options.some(({ long }) => long === '--url')
}

function sectionText (name: string, command: Command): string {
  const usage = command.registeredArguments.map((argument) => argument.required ? ` <${argument.name()}>` : ` [${argument.name()}]`).join('')
  const options = command.options.filter((option) => !(asksGateway(command) && isShared(option)))
  const rows = [...command.registeredArguments.map(argumentRow), ...options.map(optionRow)]
  const example = EXAMPLES[name]
  return [
    `## ${name}\n`,
    `\`dashgate ${name}${usage}\`\n`,
    `${command.description()}${asksGateway(command) ? ' Asks the running gateway.' : ''}\n`,
    ...(rows.length === 0 ? [] : [`| argument, option | means |\n|---|---|\n${rows.join('\n')}\n`]),
    `JSON: ${JSON_MEMBERS[name]}.\n`,
    ...(example === undefined ? [] : [`\`\`\`sh\n${example}\n\`\`\`\n`])
  ].join('\n')
}

function argumentRow (argument: Command['registeredArguments'][number]): string {
  return `| \`${argument.name()}\` | ${cellText(argument.description, argument.defaultValue)} |`
}

function optionRow ({ flags, description, mandatory, defaultValue, defaultValueDescription, argChoices }: Option): string {
  const choices = argChoices === undefined ? '' : ` (${argChoices.join(', ')})`
  const text = `${description}${choices}${mandatory ? '; required' : ''}`
  return `| \`${flags}\` | ${cellText(text, defaultValueDescription ?? defaultValue)} |`
}

function cellText (text: string, defaultValue: unknown): string {
  return `${text}${defaultValue === undefined ? '' : ` (default: ${String(defaultValue)})`}`.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}
