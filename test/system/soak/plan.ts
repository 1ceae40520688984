import { among } from '../../support/fleet/random.ts'
import { MODELS } from './scene.ts'
import { promptOf } from '../../support/fleet/wording.ts'
import type { Chat } from '../../support/fleet/chat.ts'

/** One request, and what is to befall it. */
export interface Planned {
  readonly chat: Chat
  /** What the upstream does to the first try of it, and to every further one. */
  readonly faults: readonly [first: string | undefined, further: string | undefined]
  readonly leaves: Leaving | undefined
}

/** When the client hangs up: so long after it asked, or with so many pieces of a stream in its hands. */
export type Leaving = { readonly afterMs: number } | { readonly afterChunks: number }

const ANSWER_WORDS_MAX = 160
const PROMPT_WORDS_MAX = 90
/** Undefined holds all that the model may say. */
const MAX_TOKENS = [16, 64, 256, 256, 512, 1_024, 2_048, undefined]
const STREAMED_SHARE = 0.7
const USAGE_WANTED_SHARE = 0.5
const FAULTY_SHARE = 0.3
/** Of the requests that meet a fault that another try may help, those where it does not. */
const HOPELESS_SHARE = 0.15
const LEAVING_SHARE = 0.06
const HELPED_BEFORE_LEAVING_SHARE = 0.2
const SLOW_MS = 800
const SLOW_EVENTS = 4
const LATE_MS = 800
const LEAVING_MS_MAX = 40
const LEAVING_CHUNKS_MAX = 5

/** After these the gateway tries the next key or target. */
const HELPED = [
  'error=500', 'error=503', 'error=502:html', 'error=500:text', 'error=502:empty', 'error=500:sse', 'error=500:openai', 'error=503:flat', 'error=429',
  'throttled=1', 'quota', 'unauthorized', 'reset-start'
]
/** These are told to the client. */
const FINAL = ['error=400', 'error=404:own', 'redirect', 'ok-error']
/** A number stands for the events that come first; of an answer in one piece, half comes. */
const BROKEN = ['reset', 'cut', 'eof', 'malformed', 'error-frame=429:', 'error-data=500:', 'error-finish=500:']
/** Each of these takes as long as a timeout. */
const SILENT = ['stall-start', 'stall-head', 'stall=1', 'stall=3', 'drip=100:30']
/** What the upstream says of usage is not to be believed, or it says nothing. */
const LYING = ['usage=none', 'usage=null', 'usage=empty', 'usage=negative', 'usage=huge', 'usage=fraction', 'usage=string']
/**
 * Answers of an unusual shape that say all the same what they should. An encoding nobody asked for is not among them: it is
 * refused and free, whatever the upstream charges for it.
 */
const ODD = [
  'usage=no-total', 'usage-twice', 'empty-finish', 'crlf', 'bytewise', 'multiline', 'fields', 'bom', 'comments=20', 'hiccup=150:2', 'delay=200',
  'unterminated', 'mislabelled'
]
/** How often each kind comes, among the faults. Silence takes long. */
const KINDS: readonly (readonly [share: number, faultOf: (random: () => number) => string])[] = [
  [0.4, (random) => among(HELPED, random)],
  [0.1, (random) => among(FINAL, random)],
  [0.22, (random) => brokenAt(among(BROKEN, random), Math.floor(random() * 5))],
  [0.06, (random) => among(SILENT, random)],
  [0.1, (random) => among(LYING, random)],
  [1, (random) => among(ODD, random)]
]

/** Requests of mixed sizes, over both surfaces to both upstreams. @param name is in their markers */
export function planFor (name: string, requests: number, random: () => number): Planned[] {
  return Array.from({ length: requests }, (_, place): Planned => {
    const chat: Chat = {
      marker: `${name}.${place}`,
      surface: among(['openai', 'dashscope'], random),
      model: among(MODELS, random).name,
      isStream: random() < STREAMED_SHARE,
      prompt: promptOf(random() ** 2 * PROMPT_WORDS_MAX, 1 + random() ** 2 * ANSWER_WORDS_MAX, random),
      maxTokens: among(MAX_TOKENS, random),
      includesUsage: random() < USAGE_WANTED_SHARE
    }
    const leaves = random() < LEAVING_SHARE ? leavingFrom(chat, random) : undefined
    return { chat, faults: leaves === undefined ? faultsFrom(random) : faultsBefore(leaves, random), leaves }
  })
}

function faultsFrom (random: () => number): Planned['faults'] {
  if (random() >= FAULTY_SHARE) return [undefined, undefined]
  let share = random()
  const [, faultOf] = KINDS.find(([part]) => (share -= part) < 0) ?? []
  const fault = faultOf?.(random)
  return [fault, fault !== undefined && HELPED.includes(fault) && random() < HOPELESS_SHARE ? fault : undefined]
}

/**
 * What a client leaves begins late, or is written slowly from there on: by the time that the upstream hears of it, no more has
 * come than what the gateway has seen, on a busy machine too.
 */
function faultsBefore (leaves: Leaving, random: () => number): Planned['faults'] {
  const slow = 'afterMs' in leaves
    ? `delay=${LATE_MS}`
    // A pause takes a place among the events too.
    : Array.from({ length: SLOW_EVENTS }, (_, event) => `hiccup=${SLOW_MS}:${leaves.afterChunks + 2 * event}`).join()
  return random() < HELPED_BEFORE_LEAVING_SHARE ? [among(HELPED, random), slow] : [slow, slow]
}

function brokenAt (fault: string, events: number): string {
  return fault.endsWith(':') ? `${fault}${events}` : `${fault}=${events}`
}

function leavingFrom ({ isStream }: Chat, random: () => number): Leaving {
  return !isStream || random() < 0.5 ? { afterMs: Math.floor(random() * LEAVING_MS_MAX) } : { afterChunks: 1 + Math.floor(random() * LEAVING_CHUNKS_MAX) }
}
