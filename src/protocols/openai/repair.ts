import { arrayAt, isObject, objectAt } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'

/**
 * The chunk as strict clients need it, or undefined where it is so already. Vendors send continuations that name their call
 * with `id: ""` or `name: null`, and end answers that call tools with "stop".
 * @param calling the choices that have called tools so far
 */
export function repairedChunk (chunk: JsonObject, calling: ReadonlySet<number>): JsonObject | undefined {
  let repaired = false
  const choices = (arrayAt(chunk, 'choices') ?? []).map((entry, position) => {
    const result = isObject(entry) ? repairedChoice(entry, position, calling) : entry
    if (result !== entry) repaired = true
    return result
  })
  return repaired ? { ...chunk, choices } : undefined
}

function repairedChoice (choice: JsonObject, position: number, calling: ReadonlySet<number>): JsonObject {
  const delta = objectAt(choice, 'delta')
  const calls = arrayAt(delta, 'tool_calls')
  const index = typeof choice['index'] === 'number' ? choice['index'] : position
  const endsWrongly = choice['finish_reason'] === 'stop' && calling.has(index)
  const hasDefects = calls?.some(isDefective) ?? false
  if (!endsWrongly && !hasDefects) return choice
  return {
    ...choice,
    ...(hasDefects ? { delta: { ...delta, tool_calls: (calls ?? []).map(repairedCall) } } : {}),
    ...(endsWrongly ? { finish_reason: 'tool_calls' } : {})
  }
}

function isDefective (call: JsonValue): boolean {
  if (!isObject(call)) return false
  const definition = objectAt(call, 'function')
  return isBlank(call['id']) || isBlank(definition?.['name']) || definition?.['arguments'] === null
}

function repairedCall (call: JsonValue): JsonValue {
  if (!isObject(call)) return call
  const { id, function: definition, ...rest } = call
  const repaired: Record<string, JsonValue | undefined> = { ...rest }
  if (!isBlank(id)) repaired['id'] = id
  if (isObject(definition)) {
    const { name, arguments: text, ...others } = definition
    repaired['function'] = { ...others, ...(isBlank(name) ? {} : { name }), arguments: text ?? '' }
  }
  return repaired
}

function isBlank (value: JsonValue | undefined): boolean {
  return value === '' || value === null
}
