import type { FastifyInstance } from 'fastify'

/** Every route there is, such as `GET /admin/v1/teams/:team`, without those that come by themselves with a GET. */
export async function registeredRoutes (app: FastifyInstance): Promise<string[]> {
  await app.ready()
  const path: string[] = []
  return app.printRoutes({ commonPrefix: false }).split('\n').filter((line) => line !== '').flatMap((line) => {
    const [, indent = '', part = '', methods = ''] = /^([│ ]*)[├└]── (\S+) \(([A-Z, ]+)\)$/.exec(line) ?? []
    if (part === '') throw new Error(`a route that cannot be read: ${line}`)
    path.splice(indent.length / 4, Infinity, part)
    return methods.split(', ').filter((method) => method !== 'HEAD').map((method) => `${method} ${path.join('')}`)
  })
}
