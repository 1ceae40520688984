import Type from 'typebox'
import type { Static } from 'typebox'
import { durationOf } from './scalars.ts'
import { ModelSchema } from './model-schema.ts'
import { UpstreamSchema } from './upstream-schema.ts'

const MEBIBYTE_BYTES = 1_048_576

const section = { additionalProperties: false, default: {} }

const port = { minimum: 0, maximum: 65_535 }

const RetentionSchema = Type.Object({
  ledger_days: Type.Integer({
    description: 'How long the record of each request is kept. Records of refusals go after a day with Redis, and with the embedded store when the others do, or when there are too many.',
    minimum: 1,
    maximum: 3_650,
    default: 30
  }),
  usage_days: Type.Integer({ description: 'How long hourly sums are kept, which every report of usage is made of.', minimum: 1, maximum: 3_650, default: 400 })
}, { ...section, description: 'How long the store keeps what it only shows. Counters of limits and budgets are kept for as long as they count.' })

const StoreSchema = Type.Object({
  data_dir: Type.String({
    description: 'Folder of the embedded database and of generated secrets (files 0600). Environment: DASHGATE_DATA_DIR.', minLength: 1, default: './data'
  }),
  redis_url: Type.String({
    description: 'Redis (7 or newer) or Valkey (8 or newer), shared by all replicas: redis://, rediss://, redis+sentinel://host:port,host:port/master or redis+cluster://host:port,host:port. Empty: the embedded store, for one process. Environment: REDIS_URL.', default: ''
  }),
  replicas: Type.Integer({
    description: 'How many gateways share the store. While it is away, each lets through its part of what on_store_down allows.', minimum: 1, maximum: 10_000, default: 1
  }),
  retention: RetentionSchema,
  timeout: durationOf({ description: 'How long a reservation may wait for the store before it is tried once more on another connection.', default: '100ms' })
}, { ...section, description: 'Where keys, limits and usage are kept. A change needs a restart.' })

const ServerSchema = Type.Object({
  host: Type.String({ description: 'Address of the inference listener. Environment: HOST.', minLength: 1, default: '127.0.0.1' }),
  port: Type.Integer({ description: 'Port of the inference listener; 0 takes any free one. Environment: PORT.', ...port, default: 8787 }),
  body_bytes_max: Type.Integer({
    description: 'Longest request body, in bytes.', minimum: 1_024, maximum: 256 * MEBIBYTE_BYTES, default: 8 * MEBIBYTE_BYTES
  }),
  shutdown_timeout: durationOf({ description: 'How long streams may go on once the server is told to stop.', default: '120s' })
}, { ...section, description: 'The listener for clients. A change needs a restart.' })

const AdminSchema = Type.Object({
  host: Type.String({ description: 'Address of the admin listener. Environment: DASHGATE_ADMIN_HOST.', minLength: 1, default: '127.0.0.1' }),
  port: Type.Integer({ description: 'Port of the admin listener; 0 takes any free one. Environment: DASHGATE_ADMIN_PORT.', ...port, default: 8788 })
}, { ...section, description: 'The listener for the dashboard, the admin API and metrics. A change needs a restart.' })

const SecretsSchema = Type.Object({
  admin_token: Type.Optional(Type.String({
    description: 'Token of the admin API; generated into data_dir if absent. Environment: DASHGATE_ADMIN_TOKEN.', minLength: 32, maxLength: 512
  })),
  bootstrap_key: Type.Optional(Type.String({
    description: 'A client key made at start for the team default, if it is not there. Environment: DASHGATE_BOOTSTRAP_KEY.', minLength: 20, maxLength: 512
  })),
  master_secret: Type.Optional(Type.String({
    description: 'What stored keys are peppered with and upstream keys encrypted with, the same on every replica. Generated into data_dir with the embedded store, required with Redis. Environment: DASHGATE_SECRET.', minLength: 32, maxLength: 512
  })),
  previous_master_secret: Type.Optional(Type.String({
    description: 'While master_secret is being replaced, the other one: what was stored with it still works, and moves to master_secret as it is used. Environment: DASHGATE_SECRET_PREVIOUS.', minLength: 32, maxLength: 512
  }))
}, { ...section, description: 'The gateway\'s own secrets; better set by the environment or by its …_FILE variables. A change needs a restart.' })

const PoliciesSchema = Type.Object({
  output_over_cap: Type.Enum(['reject', 'clamp'], {
    description: 'max_tokens above the model\'s cap: refuse the request, or lower it to the cap.', default: 'reject'
  }),
  budget_fit: Type.Enum(['clamp', 'reject'], {
    description: 'max_tokens above what a budget still allows: lower it, or refuse the request.', default: 'clamp'
  }),
  client_abort: Type.Enum(['cancel', 'drain'], {
    description: 'A client that hangs up on a stream: stop the upstream at once, or read on for at most a second to learn the usage.', default: 'cancel'
  }),
  vendor_rules: Type.Enum(['lenient', 'strict'], {
    description: 'strict also refuses what DashScope\'s first documentation forbade and its service accepts today.', default: 'lenient'
  }),
  unpriced_model: Type.Enum(['reject', 'allow'], {
    description: 'A model without a price while a money budget applies: refuse the request, or let it through uncharged.', default: 'reject'
  })
}, { ...section, description: 'Decisions that are yours to take.' })

/**
 * The configuration file with its defaults applied. It is the only place settings are described: the loader's checks,
 * the `Config` type, the published JSON Schema and the reference page all derive from it.
 */
export const ConfigSchema = Type.Object({
  log_level: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    description: 'How much is logged. A change needs a restart. Environment: LOG_LEVEL.', default: 'info'
  }),
  store: StoreSchema,
  server: ServerSchema,
  admin: AdminSchema,
  secrets: SecretsSchema,
  upstreams: Type.Array(UpstreamSchema, {
    description: 'Who answers. None: DashScope if DASHSCOPE_API_KEY is set, else the built-in simulator.', maxItems: 64, default: []
  }),
  models: Type.Array(ModelSchema, { description: 'Adds to, or changes, the built-in models.', maxItems: 1_000, default: [] }),
  policies: PoliciesSchema
}, { additionalProperties: false })

export type Config = DeepReadonly<Static<typeof ConfigSchema>>
export type UpstreamConfig = Config['upstreams'][number]
export type ModelConfig = Config['models'][number]
export type DatedPriceConfig = Extract<NonNullable<ModelConfig['price']>, readonly unknown[]>[number]
export type QuirksConfig = NonNullable<UpstreamConfig['quirks']>

type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T

/** The JSON Schema of the file as editors need it: what has a default may be left out. */
export function publishedSchema (): object {
  const schema = JSON.parse(JSON.stringify(ConfigSchema)) as JsonSchema
  relax(schema)
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'DashGate configuration', ...schema }
}

/** As much of JSON Schema as the settings are described with. */
export interface JsonSchema {
  required?: string[]
  readonly default?: unknown
  readonly description?: string
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
}

function relax (schema: JsonSchema): void {
  const properties = schema.properties ?? {}
  if (schema.required !== undefined) schema.required = schema.required.filter((name) => properties[name]?.default === undefined)
  if (schema.required?.length === 0) delete schema.required
  for (const child of [...Object.values(properties), ...(schema.anyOf ?? [])]) relax(child)
  if (schema.items !== undefined) relax(schema.items)
}
