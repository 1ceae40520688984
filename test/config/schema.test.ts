import t from 'tap'
import { publishedSchema } from '../../src/config/schema.ts'

interface Schema {
  readonly type?: string
  readonly description?: string
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}

const schema = publishedSchema() as Schema

t.test('every setting is described, as the reference page is made of it', async (t) => {
  for (const [path, setting] of settings(schema)) t.match(setting.description, /^.+\.$/s, path)
})

t.test('no mapping takes keys that are not settings', async (t) => {
  for (const mapping of mappings(schema)) t.equal(mapping.additionalProperties, false)
})

t.test('a file need only hold what has no default', async (t) => {
  t.equal(schema.required, undefined)
  t.same(schema.properties?.['upstreams']?.items?.required, ['name', 'protocol', 'base_url', 'keys'])
  t.same(schema.properties?.['models']?.items?.required, ['name'])
})

function * settings (of: Schema, path = ''): Generator<[string, Schema]> {
  for (const [name, child] of Object.entries(of.properties ?? {})) {
    yield [`${path}${name}`, child]
    yield * settings(child, `${path}${name}.`)
  }
  for (const child of [...(of.items === undefined ? [] : [of.items]), ...(of.anyOf ?? [])]) yield * settings(child, `${path}[].`)
}

function mappings (of: Schema): Schema[] {
  const children = [...Object.values(of.properties ?? {}), ...(of.items === undefined ? [] : [of.items]), ...(of.anyOf ?? [])]
  return [...(of.type === 'object' ? [of] : []), ...children.flatMap(mappings)]
}
