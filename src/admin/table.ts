import { AUDIT_ROUTES } from './audit.ts'
import { CONFIGURATION_ROUTES } from './configuration.ts'
import { KEY_ROUTES } from './keys.ts'
import { LIMIT_ROUTES } from './limits.ts'
import { MODEL_ROUTES } from './models.ts'
import { REPORT_ROUTES } from './report-routes.ts'
import { TEAM_ROUTES } from './teams.ts'
import { TOKEN_ROUTES } from './tokens.ts'
import { UPSTREAM_ROUTES } from './upstreams.ts'
import type { AdminRoute } from './route.ts'

/** Every route that needs a token. */
export const ADMIN_ROUTES: readonly AdminRoute[] = [
  ...TEAM_ROUTES,
  ...KEY_ROUTES,
  ...LIMIT_ROUTES,
  ...REPORT_ROUTES,
  ...MODEL_ROUTES,
  ...UPSTREAM_ROUTES,
  ...TOKEN_ROUTES,
  ...AUDIT_ROUTES,
  ...CONFIGURATION_ROUTES
]
