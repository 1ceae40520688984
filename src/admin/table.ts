import { KEY_ROUTES } from './keys.ts'
import { LIMIT_ROUTES } from './limits.ts'
import { REPORT_ROUTES } from './report-routes.ts'
import { TEAM_ROUTES } from './teams.ts'
import type { AdminRoute } from './route.ts'

/** Every route that needs a token. */
export const ADMIN_ROUTES: readonly AdminRoute[] = [...TEAM_ROUTES, ...KEY_ROUTES, ...LIMIT_ROUTES, ...REPORT_ROUTES]
