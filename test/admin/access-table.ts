/** What is asked of a route for: something of the team search, the same of the team ads, and what is not there. */
export interface Asked {
  readonly path: (object: 'search' | 'ads' | 'absent') => string
  readonly body?: (object: 'search' | 'ads' | 'absent') => object
}

/** Statuses for what is search's, what is ads', and what is not there; one alone where the route is about nothing of the kind. */
export interface Row extends Asked {
  readonly admin: string
  readonly viewer: string
  /** A lead of search. */
  readonly lead: string
  /** A lead of ads. */
  readonly otherLead: string
}

export const KEYS = { search: 'searchky', ads: 'adskey99', absent: 'absent99' }

const team = (rest = '') => (object: string): string => `/admin/v1/teams/${object === 'absent' ? 'none' : object}${rest}`
const key = (rest = '') => (object: keyof typeof KEYS): string => `/admin/v1/keys/${KEYS[object]}${rest}`
const at = (path: string) => (): string => `/admin/v1${path}`
const upstream = (rest: string) => (object: string): string => `/admin/v1/upstreams/${object === 'absent' ? 'none' : 'dashscope'}${rest}`
const upstreamKey = (rest = '') => (object: 'search' | 'ads' | 'absent'): string => `/admin/v1/upstreams/dashscope/keys/{${object}}${rest}`

const asked = (path: string, name = 'team') => (object: string): string => `${path}${name}=${object === 'absent' ? 'none' : object}`
/** Records outlive their team, so nobody is told that there is none. */
const READ_BY_TEAM = { admin: '200 200 200', viewer: '200 200 200', lead: '200 404 404', otherLead: '404 200 404' }

const FORBIDDEN = '403 403 403'
const BY_ADMINS = { viewer: FORBIDDEN, lead: FORBIDDEN, otherLead: FORBIDDEN }
const ONLY_ADMINS = { viewer: '403', lead: '403', otherLead: '403' }
const SEEN_BY_THEIR_LEADS = { lead: '200 404 404', otherLead: '404 200 404' }

/** What everybody may do. It is written down here once more, and not taken from the routes. */
export const ACCESS: Readonly<Record<string, Row>> = {
  'GET /admin/v1/teams': { path: at('/teams'), admin: '200', viewer: '200', lead: '200', otherLead: '200' },
  'POST /admin/v1/teams': { path: at('/teams'), body: () => ({ id: 'made' }), admin: '201', ...ONLY_ADMINS },
  'GET /admin/v1/teams/:team': { path: team(), admin: '200 200 404', viewer: '200 200 404', ...SEEN_BY_THEIR_LEADS },
  'PATCH /admin/v1/teams/:team': { path: team(), body: () => ({ name: 'x' }), admin: '200 200 404', ...BY_ADMINS },
  // Both have keys.
  'DELETE /admin/v1/teams/:team': { path: team(), admin: '409 409 404', ...BY_ADMINS },
  'GET /admin/v1/teams/:team/keys': { path: team('/keys'), admin: '200 200 404', viewer: '200 200 404', ...SEEN_BY_THEIR_LEADS },
  'POST /admin/v1/teams/:team/keys': { path: team('/keys'), body: () => ({}), admin: '201 201 404', ...BY_ADMINS },
  'GET /admin/v1/teams/:team/budgets': { path: team('/budgets'), admin: '200 200 404', viewer: '200 200 404', ...SEEN_BY_THEIR_LEADS },
  'GET /admin/v1/keys/:id': { path: key(), admin: '200 200 404', viewer: '200 200 404', ...SEEN_BY_THEIR_LEADS },
  'PATCH /admin/v1/keys/:id': { path: key(), body: () => ({ name: 'x' }), admin: '200 200 404', ...BY_ADMINS },
  'DELETE /admin/v1/keys/:id': { path: key(), admin: '204 204 404', ...BY_ADMINS },
  'POST /admin/v1/keys/:id/rotate': { path: key('/rotate'), body: () => ({ grace_seconds: 60 }), admin: '200 200 404', viewer: FORBIDDEN, ...SEEN_BY_THEIR_LEADS },
  'POST /admin/v1/explain': {
    path: at('/explain'),
    body: (object) => ({ team: object === 'absent' ? 'none' : object, model: 'qwen-max' }),
    admin: '200 200 404',
    viewer: '200 200 404',
    ...SEEN_BY_THEIR_LEADS
  },
  'GET /admin/v1/usage': { path: asked('/admin/v1/usage?'), ...READ_BY_TEAM },
  'GET /admin/v1/requests': { path: asked('/admin/v1/requests?'), ...READ_BY_TEAM },
  'GET /admin/v1/requests/:id': { path: (object) => `/admin/v1/requests/request-of-${object}`, admin: '200 200 404', viewer: '200 200 404', ...SEEN_BY_THEIR_LEADS },
  'GET /v1/organization/usage/completions': { path: asked('/v1/organization/usage/completions?start_time=1767225600&', 'project_ids[]'), ...READ_BY_TEAM },
  'GET /v1/organization/costs': { path: asked('/v1/organization/costs?start_time=1767225600&', 'project_ids[]'), ...READ_BY_TEAM },
  'GET /admin/v1/models': { path: at('/models'), admin: '200', viewer: '200', lead: '200', otherLead: '200' },
  'GET /admin/v1/upstreams': { path: at('/upstreams'), admin: '200', viewer: '200', lead: '403', otherLead: '403' },
  'POST /admin/v1/upstreams/:name/keys': { path: upstream('/keys'), body: () => ({ key: 'sk-another-key' }), admin: '201 201 404', ...BY_ADMINS },
  // That of search is configured.
  'DELETE /admin/v1/upstreams/:name/keys/:id': { path: upstreamKey(), admin: '409 204 404', ...BY_ADMINS },
  'POST /admin/v1/upstreams/:name/keys/:id/drain': { path: upstreamKey('/drain'), body: () => ({ drained: true }), admin: '200 200 404', ...BY_ADMINS },
  'POST /admin/v1/upstreams/:name/drain': { path: upstream('/drain'), body: () => ({ drained: true }), admin: '200 200 404', ...BY_ADMINS },
  'GET /admin/v1/tokens': { path: at('/tokens'), admin: '200', ...ONLY_ADMINS },
  'POST /admin/v1/tokens': { path: at('/tokens'), body: () => ({ role: 'viewer' }), admin: '201', ...ONLY_ADMINS },
  'DELETE /admin/v1/tokens/:id': { path: (object) => `/admin/v1/tokens/[${object}]`, admin: '204 204 404', ...BY_ADMINS },
  'GET /admin/v1/audit': { path: at('/audit'), admin: '200', viewer: '200', lead: '403', otherLead: '403' },
  'GET /admin/v1/config': { path: at('/config'), admin: '200', viewer: '200', lead: '403', otherLead: '403' },
  'POST /admin/v1/config/check': { path: at('/config/check'), body: () => ({ yaml: '' }), admin: '200', ...ONLY_ADMINS }
}
