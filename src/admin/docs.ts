import type { FastifyInstance } from 'fastify'
import { ADMIN_ROUTES } from './table.ts'
import { openApiDocument } from './openapi.ts'
import type { AdminDeps } from './deps.ts'

/** The page loads nothing from anywhere else, sends nothing anywhere else, and is in no frame. */
const CONTENT_SECURITY_POLICY = [
  'default-src \'none\'',
  'script-src \'self\'',
  // The page sets styles on its elements.
  'style-src \'self\' \'unsafe-inline\'',
  // Its icons are in its style sheet.
  'img-src \'self\' data:',
  'connect-src \'self\'',
  'base-uri \'none\'',
  'form-action \'none\'',
  'frame-ancestors \'none\''
].join('; ')

/**
 * `/openapi.json` and a page for people at `/docs`. Neither shows anything of this gateway, so neither needs a token; what the
 * page asks the API for needs the one that is typed into it.
 */
export async function addDocs (scope: FastifyInstance, { version }: Pick<AdminDeps, 'version'>): Promise<void> {
  // They bring a good deal along, and are not needed elsewhere.
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([import('@fastify/swagger'), import('@fastify/swagger-ui')])
  const document = openApiDocument(ADMIN_ROUTES, version)
  scope.addHook('onSend', async (_request, reply) => {
    reply.header('content-security-policy', CONTENT_SECURITY_POLICY)
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer')
  })
  scope.get('/openapi.json', async () => document)
  await scope.register(swagger, { mode: 'static', specification: { document: document as never } })
  await scope.register(swaggerUi, {
    routePrefix: '/docs',
    logo: null as never,
    theme: { title: 'DashGate admin API' },
    uiConfig: { layout: 'BaseLayout', validatorUrl: null, persistAuthorization: false, docExpansion: 'none' }
  })
}
