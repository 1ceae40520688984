import type { Dialect } from '../call.ts'
import type { Action, Reply } from '../reply.ts'
import { isObject, objectAt } from '../wire-json.ts'
import type { JsonObject } from '../wire-json.ts'

/** What a fault may look at. */
export interface FaultContext {
  readonly dialect: Dialect
  readonly requestId: string
  /** What stands behind `=`, cut at colons. */
  readonly values: readonly string[]
}

/** Makes of a sound reply the broken one. */
export type Fault = (reply: Reply, context: FaultContext) => Reply

export function numberAt (values: readonly string[], index: number, otherwise: number): number {
  const value = Number(values[index] ?? otherwise)
  if (!Number.isFinite(value)) throw new RangeError(`simulator: ${values[index]} is no number a fault could take`)
  return value
}

/** Changes every JSON document of a reply: the whole body, or the data of each event. */
export function mapDocuments (reply: Reply, change: (document: JsonObject) => JsonObject): Reply {
  return { ...reply, actions: reply.actions.map(action => withDocument(action, change)) }
}

function withDocument (action: Action, change: (document: JsonObject) => JsonObject): Action {
  if (action.type === 'document') return { ...action, document: change(action.document) }
  if (action.type !== 'frame' || !isObject(action.frame.data)) return action
  return { ...action, frame: { ...action.frame, data: change(action.frame.data) } }
}

/** The document of an action that has one. */
export function documentOf (action: Action | undefined): JsonObject | undefined {
  if (action?.type === 'document') return action.document
  return action?.type === 'frame' && isObject(action.frame.data) ? action.frame.data : undefined
}

/** The choices of a document of either dialect. */
export function choicesOf (document: JsonObject): readonly JsonObject[] {
  const choices = document.choices ?? objectAt(document, 'output').choices
  return Array.isArray(choices) ? choices.filter(isObject) : []
}

/** What a choice says: `message`, or `delta` in a stream of the compatible mode. */
export function messageOf (choice: JsonObject): JsonObject {
  return objectAt(choice, 'delta' in choice ? 'delta' : 'message')
}

export function mapChoices (document: JsonObject, change: (choice: JsonObject) => JsonObject): JsonObject {
  const choices = choicesOf(document)
  if (choices.length === 0) return document
  if ('choices' in document) return { ...document, choices: choices.map(change) }
  return { ...document, output: { ...objectAt(document, 'output'), choices: choices.map(change) } }
}

export function withMessage (choice: JsonObject, message: JsonObject): JsonObject {
  return { ...choice, ['delta' in choice ? 'delta' : 'message']: message }
}

/** Whether an action ends a choice. Text format says so without choices. */
export function finishes (action: Action): boolean {
  const document = documentOf(action)
  if (document === undefined) return false
  const reasons = [objectAt(document, 'output').finish_reason, ...choicesOf(document).map(choice => choice.finish_reason)]
  return reasons.some(reason => typeof reason === 'string' && reason !== 'null')
}
