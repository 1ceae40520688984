import { stringify } from 'yaml'
import { publishedSchema } from './schema.ts'
import { TEMPLATE_EXAMPLES } from './template-examples.ts'
import type { JsonSchema } from './schema.ts'

const HEAD = `# yaml-language-server: $schema=./dashgate.schema.json
# The line above gives editors this file's schema, once you have made it: dashgate config schema > dashgate.schema.json
#
# DashGate's configuration. Everything here is optional: what is commented out shows the default, or an example where there
# is none. To set something, take the # in front of it away and leave its indentation as it is.
# \${NAME}, \${NAME:-default} and \${NAME:?message} are variables of the environment; secrets are best given so.
# dashgate config check says what is wrong, with line and column. Changes to upstreams, models and policies take effect at
# once; the rest needs a restart.
`

const WIDTH = 120
const STEP = '  '

/**
 * The configuration file with every setting in it, explained and commented out: loaded as it is, it changes nothing. All of
 * it comes from the schema, so that no setting can be left out.
 */
export function configTemplate (): string {
  const { properties = {} } = publishedSchema() as JsonSchema
  const sections = Object.entries(properties).map(([name, schema]) => sectionLines(name, schema, TEMPLATE_EXAMPLES[name]))
  return [HEAD, ...sections.map((lines) => `${lines.join('\n')}\n`)].join('\n')
}

/** A section's own name is not commented out: a section without settings is none, and one line less to think of. */
function sectionLines (name: string, schema: JsonSchema, example: unknown): string[] {
  const head = proseLines('', proseOf(schema))
  if (schema.properties !== undefined) return [...head, `${name}:`, ...memberLines(schema, example, STEP)]
  if (schema.items !== undefined) return [...head, `${name}:`, ...listLines(schema.items, example, STEP)]
  return [...head, ...settingLines({ [name]: example ?? schema.default }, '')]
}

/** Each member with its explanation; one with neither an example nor a default is only told of. */
function memberLines ({ properties = {} }: JsonSchema, example: unknown, indent: string): string[] {
  return Object.entries(properties).flatMap(([name, member]) => {
    const value = (example as Readonly<Record<string, unknown>> | undefined)?.[name] ?? member.default
    const schema = shownOf(member, value)
    if (value === undefined) return proseLines(indent, `${name}: ${proseOf(schema)}`)
    const head = proseLines(indent, proseOf(schema))
    if (schema.properties !== undefined) return [...head, `${indent}#${name}:`, ...memberLines(schema, value, indent + STEP)]
    if (schema.items?.properties !== undefined) return [...head, `${indent}#${name}:`, ...listLines(schema.items, value, indent + STEP)]
    return [...head, ...alternativeLines(schema, indent), ...settingLines({ [name]: value }, indent)]
  })
}

/** Of alternatives, the one that the example is of. */
function shownOf (schema: JsonSchema, example: unknown): JsonSchema {
  const shown = schema.anyOf?.find(({ items, properties }) => (Array.isArray(example) ? items : properties) !== undefined)
  return shown === undefined || schema.description === undefined ? schema : { ...shown, description: schema.description }
}

/** What the entries of a list may have where they are mappings too. */
function alternativeLines ({ items }: JsonSchema, indent: string): string[] {
  const members = (items?.anyOf ?? []).flatMap(({ properties = {} }) => Object.entries(properties))
  return members.flatMap(([name, schema]) => proseLines(indent, `- ${name}: ${proseOf(schema)}`))
}

/** The first entry is explained, with the dash at its first setting; the others are as they would stand in a file. */
function listLines (items: JsonSchema, examples: unknown, indent: string): string[] {
  const [first, ...others] = Array.isArray(examples) ? examples as unknown[] : []
  const explained = memberLines(items, first, indent + STEP)
  const start = explained.findIndex((line) => /^\s*#\S/.test(line))
  const marked = explained.map((line, index) => {
    if (index > start) return line
    return index < start ? line.slice(STEP.length) : line.replace(`${STEP}#`, '#- ')
  })
  return [...marked, ...others.flatMap((other) => settingLines([other], indent))]
}

/** YAML with a # where each line begins: taking it away leaves the line where it belongs. */
function settingLines (value: unknown, indent: string): string[] {
  return stringify(value, { lineWidth: 0 }).trimEnd().split('\n').map((line) => {
    const [, inner = '', text = ''] = /^(\s*)(.*)$/.exec(line) ?? []
    return `${indent}${inner}#${text}`
  })
}

function proseOf (schema: JsonSchema): string {
  return [schema.description, rangeOf(schema)].filter((part) => part !== undefined).join(' ')
}

function rangeOf ({ enum: values, type, minimum, maximum }: JsonSchema): string | undefined {
  if (values !== undefined) return `One of: ${values.join(', ')}.`
  if (type === 'integer' && minimum !== undefined && maximum !== undefined) return `${minimum.toLocaleString('en')} to ${maximum.toLocaleString('en')}.`
  return undefined
}

function proseLines (indent: string, text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + word.length + 3 > WIDTH) {
      lines.push(line)
      line = ''
    }
    line += line === '' ? word : ` ${word}`
  }
  return [...lines, line].map((words) => `${indent}# ${words}`)
}
