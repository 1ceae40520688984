import Type from 'typebox'
import { ADMIN_ALONE, defineRoute, READ_OF_ANY_TEAM } from './route.ts'
import { closed, orNull } from './schemas.ts'
import type { AdminRoute } from './route.ts'
import type { JsonValue } from '../core/json.ts'

/** The configuration as it may be shown. */
export interface ShownConfiguration {
  effective (): JsonValue
  aliasesOf (model: string): readonly string[]
  check (text: string): Promise<CheckedConfiguration>
}

interface CheckedConfiguration {
  readonly problems: readonly CheckedProblem[]
  readonly changes: readonly CheckedChange[]
}

interface CheckedProblem {
  readonly path: string
  readonly line: number | undefined
  readonly column: number | undefined
  readonly message: string
}

interface CheckedChange {
  readonly path: string
  readonly from: JsonValue | undefined
  readonly to: JsonValue | undefined
  readonly needsRestart: boolean
}

const YAML_CHARACTERS_MAX = 262_144

const ProblemSchema = Type.Object({
  path: Type.String({ description: 'Such as models[0].price, the name of a variable, or empty for the whole text.' }),
  line: orNull(Type.Integer({ description: 'From 1; null outside of the text.' })),
  column: orNull(Type.Integer()),
  message: Type.String()
}, { ...closed, title: 'ConfigProblem' })

const ChangeSchema = Type.Object({
  path: Type.String({ description: 'Such as models[coder].aliases: what has a name goes by it.' }),
  from: Type.Unknown({ description: 'What runs; null where nothing is set.' }),
  to: Type.Unknown({ description: 'What would; null where nothing would be set.' }),
  restart_needed: Type.Boolean({ description: 'Only a restart would apply it.' })
}, { ...closed, title: 'ConfigChange' })

export const CONFIGURATION_ROUTES: readonly AdminRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/admin/v1/config',
    operationId: 'getConfig',
    summary: 'The configuration the gateway runs with. Secrets are hidden, and keys are shown by their fingerprints.',
    access: READ_OF_ANY_TEAM,
    reply: Type.Object({ config: Type.Record(Type.String(), Type.Unknown()) }, { ...closed, title: 'Configuration' }),
    handler: (_request, { configuration }) => ({ config: configuration.effective() })
  }),
  defineRoute({
    method: 'POST',
    path: '/admin/v1/config/check',
    operationId: 'checkConfig',
    summary: 'What is wrong with a configuration file, or what it would change. Nothing is set.',
    description: 'Variables stand for what they are in the gateway\'s environment; what they hold is never shown.',
    access: ADMIN_ALONE,
    isRead: true,
    body: Type.Object({ yaml: Type.String({ description: 'The text of the file.', maxLength: YAML_CHARACTERS_MAX }) }, closed),
    examples: { body: { yaml: 'policies: { budget_fit: reject }\n' } },
    reply: Type.Object({ problems: Type.Array(ProblemSchema), changes: Type.Array(ChangeSchema) }, { ...closed, title: 'ConfigCheck' }),
    async handler ({ body }, { configuration }) {
      const { problems, changes } = await configuration.check(body.yaml)
      return {
        problems: problems.map(({ path, line = null, column = null, message }) => ({ path, line, column, message })),
        changes: changes.map(({ path, from = null, to = null, needsRestart }) => {
          return { path, from, to, restart_needed: needsRestart }
        })
      }
    }
  })
]
