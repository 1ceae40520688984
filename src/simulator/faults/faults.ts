import { answerFaults } from './fault-answers.ts'
import { documentFaults } from './fault-documents.ts'
import { endingFaults } from './fault-endings.ts'
import { streamFaults } from './fault-streams.ts'
import type { Fault, FaultContext } from './fault.ts'
import type { Reply } from '../reply.ts'

/** Every fault by its name; each is described where it is defined. */
const FAULTS: ReadonlyMap<string, Fault> = new Map(
  Object.entries({ ...answerFaults, ...endingFaults, ...streamFaults, ...documentFaults })
)

/** Faults as text, `name` or `name=value:value`, several with commas between them. */
export function parseFaults (text: string): readonly string[] {
  return text.split(',').map(part => part.trim()).filter(part => part !== '')
}

export function isFault (text: string): boolean {
  return FAULTS.has(nameOf(text))
}

export function faultNames (): readonly string[] {
  return [...FAULTS.keys()]
}

/** Applies faults one after the other. Throws a RangeError for a name that is none, or a value the fault cannot take. */
export function withFaults (reply: Reply, faults: readonly string[], context: Omit<FaultContext, 'values'>): Reply {
  return faults.reduce((broken, text) => {
    const fault = FAULTS.get(nameOf(text))
    if (fault === undefined) throw new RangeError(`simulator: no fault is called ${nameOf(text)}`)
    const value = text.slice(nameOf(text).length + 1)
    return fault(broken, { ...context, values: value === '' ? [] : value.split(':') })
  }, reply)
}

function nameOf (text: string): string {
  return text.split('=', 1)[0] ?? text
}
