import Type from 'typebox'
import { answerCompletions, answerCosts } from './organization.ts'
import { answerRequest, answerRequests, RequestQuerySchema, RequestsQuerySchema } from './requests.ts'
import { answerUsage } from './usage.ts'
import { CompletionsReplySchema, CostsReplySchema, RequestReplySchema, RequestsReplySchema, UsageReplySchema } from './report-schemas.ts'
import { COMPLETIONS, COSTS, queryShown } from './organization-query.ts'
import { CONTENT_TYPES } from './export.ts'
import { defineRoute, READ_OF_OWN_TEAM } from './route.ts'
import { UsageQuerySchema } from './usage-query.ts'
import type { AdminRoute } from './route.ts'

const exports = Object.values(CONTENT_TYPES).map((type) => type.replace(/;.*/, ''))

/** What was used and what was asked. A lead sees what is his own team's. */
export const REPORT_ROUTES: readonly AdminRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/admin/v1/usage',
    operationId: 'getUsage',
    summary: 'What was used, by steps of time and by team, key and model.',
    description: 'Rows are per currency: amounts of two are never added. A step in which a group did nothing has no row. ' +
      'Usage is kept by hours of UTC, and a request counts in the hour it began in.',
    access: READ_OF_OWN_TEAM,
    query: UsageQuerySchema,
    reply: UsageReplySchema,
    exports,
    handler: (request, deps) => answerUsage(request, deps)
  }),
  defineRoute({
    method: 'GET',
    path: '/admin/v1/requests',
    operationId: 'listRequests',
    summary: 'What was charged, an entry for each billed attempt, and what limits refused. The latest first.',
    description: 'One call looks at a bounded number of records: a page may be short, or empty, and have more behind it.',
    access: READ_OF_OWN_TEAM,
    query: RequestsQuerySchema,
    reply: RequestsReplySchema,
    exports,
    handler: (request, deps) => answerRequests(request, deps)
  }),
  defineRoute({
    method: 'GET',
    path: '/admin/v1/requests/:id',
    operationId: 'getRequest',
    summary: 'One request in full: all that was billed for it, and what every limit said of it.',
    access: READ_OF_OWN_TEAM,
    params: Type.Object({ id: Type.String({ description: 'The x-request-id of the answer.' }) }),
    query: RequestQuerySchema,
    reply: RequestReplySchema,
    handler: (request, deps) => answerRequest(request, deps)
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/organization/usage/completions',
    operationId: 'getOrganizationUsage',
    summary: 'Usage as OpenAI\'s packages read it: client.admin.organization.usage.completions(…). A project is a team.',
    access: READ_OF_OWN_TEAM,
    query: queryShown(COMPLETIONS),
    reply: CompletionsReplySchema,
    handler: (request, deps) => answerCompletions(request, deps)
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/organization/costs',
    operationId: 'getOrganizationCosts',
    summary: 'Costs as OpenAI\'s packages read them: client.admin.organization.usage.costs(…). A line item is a model.',
    access: READ_OF_OWN_TEAM,
    query: queryShown(COSTS),
    reply: CostsReplySchema,
    handler: (request, deps) => answerCosts(request, deps)
  })
]
