import type { Envelope } from '../call.ts'
import { compatibleRules } from './compatible-rules.ts'
import { messageRules } from './message-rules.ts'
import { modelNamed } from '../models.ts'
import type { ModelCard } from '../models.ts'
import { nativeRules } from './native-rules.ts'
import { parameterRules } from './parameter-rules.ts'
import { thinkingRules } from './thinking-rules.ts'
import { toolRules } from './tool-rules.ts'
import { invalidParameter } from '../vendor-error.ts'
import type { VendorError } from '../vendor-error.ts'

/** A request whose model is known. */
export interface Examined extends Envelope { readonly model: ModelCard }

/** One thing the service refuses. */
export interface Rule<Subject> {
  readonly name: string
  /** True where the request is refused. */
  readonly broken: (subject: Subject) => boolean
  /** The vendor's words; a text alone is an `InvalidParameter` with status 400. */
  readonly refusal: string | VendorError | ((subject: Subject) => string | VendorError)
}

/** The card of the model asked for, or what the service says instead: the first rule broken wins. */
export function examine (envelope: Envelope): ModelCard | VendorError {
  const shape = firstBroken(envelope.dialect === 'native' ? nativeRules : compatibleRules, envelope)
  if (shape !== undefined) return shape
  const model = modelNamed(envelope.body.model)
  if (model === undefined) return unknownModel(String(envelope.body.model))
  const examined = { ...envelope, model }
  return firstBroken([...messageRules, ...parameterRules, ...toolRules, ...thinkingRules], examined) ?? model
}

export function isVendorError (verdict: ModelCard | VendorError): verdict is VendorError {
  return 'code' in verdict
}

function firstBroken<Subject> (rules: readonly Rule<Subject>[], subject: Subject): VendorError | undefined {
  const rule = rules.find(candidate => candidate.broken(subject))
  if (rule === undefined) return undefined
  const refusal = typeof rule.refusal === 'function' ? rule.refusal(subject) : rule.refusal
  return typeof refusal === 'string' ? invalidParameter(refusal) : refusal
}

function unknownModel (name: string): VendorError {
  return {
    status: 404,
    code: 'ModelNotFound',
    message: 'Model can not be found.',
    compatible: { message: `The model \`${name}\` does not exist or you do not have access to it.` }
  }
}
