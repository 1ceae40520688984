import type { FastifyReply } from 'fastify'
import type { Static, TSchema } from 'typebox'
import type { Actor } from '../accounts/actor.ts'
import type { AdminDeps } from './deps.ts'
import type { Directory } from '../accounts/directory.ts'
import type { GatewayError } from '../core/errors.ts'

/**
 * Who may use a route. An admin may use all of them. `own`: a lead may, for what is his own team's; where a route names no
 * `owner`, its handler has to see to that, by the actor. What other teams have is answered like what never was.
 */
export interface Access {
  readonly admin: true
  readonly team: 'own' | false
  readonly viewer: boolean
}

/** A read and no more, whatever its method. */
export const READ_OF_ANY_TEAM: Access = { admin: true, team: false, viewer: true }
export const READ_OF_OWN_TEAM: Access = { admin: true, team: 'own', viewer: true }
export const WRITE_OF_OWN_TEAM: Access = { admin: true, team: 'own', viewer: false }
export const ADMIN_ALONE: Access = { admin: true, team: false, viewer: false }

export interface AdminRequest<Params, Query, Body> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly actor: Actor
  readonly reply: FastifyReply
}

/** Whose an object is, for a lead. */
export interface Owner<Params, Body> {
  /** The id of its team; undefined where there is no such object. */
  teamOf (asked: { readonly params: Params, readonly body: Body }, directory: Directory): string | undefined
  /** What is said of an object that is not there. */
  missing (): GatewayError
}

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/** One route of the admin listener, as data: from it come its checks, its place in the audit log and its description. */
export interface Route<Params extends TSchema, Query extends TSchema, Body extends TSchema> {
  readonly method: Method
  /** All of it, with parameters as `:name`. */
  readonly path: string
  /** What generated clients call it. */
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly access: Access
  /** What is needed of the owner, where the path or the body names one object. */
  readonly owner?: Owner<Static<Params>, Static<Body>>
  /** True for a POST that changes nothing: it has no place in the audit log. */
  readonly isRead?: boolean
  /** What the audit log calls what the route is about, such as `team::team`. */
  readonly object?: string
  readonly params?: Params
  /** Without one no parameter is taken. */
  readonly query?: Query
  /** Without one no body is taken. */
  readonly body?: Body
  /** What the description says of the body, where the handler looks closer than its schema. */
  readonly bodyShown?: TSchema
  /** Of the answer; null where there is none. */
  readonly reply: TSchema | null
  /** Further types of content that an answer may have. */
  readonly exports?: readonly string[]
  readonly status?: 200 | 201 | 204
  readonly examples?: Examples
  /** Gives the body of the answer, or sends it itself. */
  handler (request: AdminRequest<Static<Params>, Static<Query>, Static<Body>>, deps: AdminDeps): Answer | Promise<Answer>
}

export interface Examples { readonly body?: object, readonly reply?: object }

type Answer = object | undefined

export type AdminRoute = Route<TSchema, TSchema, TSchema>

/** Lets the compiler find the types of what the schemas take. */
export function defineRoute<Params extends TSchema, Query extends TSchema, Body extends TSchema> (
  route: Route<Params, Query, Body>
): AdminRoute {
  return route
}

/** Whether a route changes something. */
export function isWrite ({ method, isRead }: Pick<AdminRoute, 'method' | 'isRead'>): boolean {
  return method !== 'GET' && isRead !== true
}
