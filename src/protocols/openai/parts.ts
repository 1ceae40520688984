import type { Part } from '../../core/chat.ts'
import type { Quirks } from '../../core/target.ts'
import { GatewayError } from '../../core/errors.ts'
import { isObject, stringAt, withoutKeys } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { mediaUrlFault } from '../../core/media.ts'

/** The content parts of OpenAI's protocol and of DashScope's compatible mode, by `type`. */
const PART_FAULTS: ReadonlyMap<string, (part: JsonObject) => string | undefined> = new Map([
  ['text', (part) => typeof part['text'] === 'string' ? undefined : 'A part of type text must have a text.'],
  ['refusal', (part) => typeof part['refusal'] === 'string' ? undefined : 'A part of type refusal must have a refusal.'],
  ['image_url', (part) => urlFault('image_url', part['image_url'])],
  ['video_url', (part) => urlFault('video_url', part['video_url'])],
  ['video', (part) => framesFault(part['video'])],
  ['input_audio', (part) => audioFault(part['input_audio'])],
  ['file', (part) => fileFault(part['file'])]
])

/** The vendor's refusal of one content part, or undefined where it is well formed. */
export function partFault (part: JsonObject): string | undefined {
  const type = part['type']
  const fault = typeof type === 'string' ? PART_FAULTS.get(type) : undefined
  if (fault === undefined) return `A content part's type must be one of ${[...PART_FAULTS.keys()].join(', ')}.`
  // Text beside a picture would be counted and never read.
  if (type !== 'text' && part['text'] !== undefined) return `A part of type ${type as string} must not have a text.`
  return fault(part)
}

/** A checked part in canonical form. Audio becomes a data URL, because canonical media is always one string where it can be. */
export function parsePart (part: JsonObject): Part {
  switch (stringAt(part, 'type') ?? '') {
    case 'image_url': return mediaPart('image', part, 'image_url')
    case 'video_url': return mediaPart('video', part, 'video_url')
    case 'video': return withAttributes({ type: 'video', source: part['video'] as JsonValue }, withoutKeys(part, new Set(['type', 'video'])))
    case 'input_audio': return audioPart(part)
    case 'file': return withAttributes({ type: 'file', source: part['file'] as JsonValue }, withoutKeys(part, new Set(['type', 'file'])))
    case 'refusal': return { type: 'text', text: stringAt(part, 'refusal') ?? '' }
    default: return withAttributes({ type: 'text', text: stringAt(part, 'text') ?? '' }, withoutKeys(part, new Set(['type', 'text'])))
  }
}

/** @throws GatewayError `unsupported_parameter` for media OpenAI's own service has no word for */
export function renderPart (part: Part, quirks: Quirks): JsonObject {
  const attributes = quirks.extensions ? part.attributes ?? {} : {}
  const others = withoutKeys(attributes, new Set(['detail']))
  switch (part.type) {
    case 'text': return { type: 'text', text: part.text, ...others }
    case 'image': {
      const detail = part.attributes?.['detail']
      return { type: 'image_url', image_url: { url: part.source, ...(detail === undefined ? {} : { detail }) }, ...others }
    }
    case 'audio': return { type: 'input_audio', input_audio: renderAudio(part.source, quirks), ...others }
    case 'video': {
      if (!quirks.extensions) throw new GatewayError('unsupported_parameter', 'This model does not take video.', { param: 'messages' })
      if (typeof part.source === 'string') return { type: 'video_url', video_url: { url: part.source }, ...others }
      return { type: 'video', video: part.source, ...others }
    }
    case 'file': return { type: 'file', file: part.source, ...others }
  }
}

function mediaPart (type: 'image' | 'video', part: JsonObject, key: string): Part {
  const media = part[key]
  const attributes = withoutKeys(part, new Set(['type', key]))
  if (!isObject(media)) return withAttributes({ type, source: media as JsonValue }, attributes)
  return withAttributes({ type, source: media['url'] as JsonValue }, { ...attributes, ...withoutKeys(media, new Set(['url'])) })
}

function audioPart (part: JsonObject): Part {
  const audio = part['input_audio'] as JsonObject
  const data = stringAt(audio, 'data') ?? ''
  const source = hasScheme(data) ? data : `data:audio/${stringAt(audio, 'format') ?? 'wav'};base64,${data}`
  return withAttributes({ type: 'audio', source }, withoutKeys(part, new Set(['type', 'input_audio'])))
}

const AUDIO_DATA_URL = /^data:(?:audio\/([a-z0-9.+-]{1,32}))?(?:;[^,;]{1,100}){0,4},/i

function renderAudio (source: JsonValue, quirks: Quirks): JsonObject {
  const url = typeof source === 'string' ? source : ''
  const header = AUDIO_DATA_URL.exec(url)
  const format = header?.[1] ?? /\.([a-z0-9]{2,5})(?:[?#]|$)/i.exec(url)?.[1] ?? 'wav'
  // DashScope's compatible mode takes audio as a URL, also a data URL; OpenAI takes bare base64 and nothing else.
  if (quirks.extensions) return { data: url, format }
  if (header === null) throw new GatewayError('unsupported_parameter', 'This model takes audio as base64 data only.', { param: 'messages' })
  return { data: url.slice(header[0].length), format }
}

function withAttributes (part: Part, attributes: JsonObject): Part {
  return Object.keys(attributes).length === 0 ? part : { ...part, attributes }
}

function urlFault (name: string, value: JsonValue | undefined): string | undefined {
  const url = isObject(value) ? value['url'] : value
  return typeof url === 'string' ? mediaUrlFault(url) : `A part of type ${name} must have a URL.`
}

const FRAMES_MAX = 2_000

function framesFault (value: JsonValue | undefined): string | undefined {
  const frames: readonly JsonValue[] = Array.isArray(value) ? value : [value ?? null]
  if (frames.length === 0 || frames.length > FRAMES_MAX) return `A video must have 1 to ${FRAMES_MAX} frames.`
  for (const frame of frames) {
    const fault = urlFault('video', frame)
    if (fault !== undefined) return fault
  }
  return undefined
}

function audioFault (value: JsonValue | undefined): string | undefined {
  const data = isObject(value) ? value['data'] : undefined
  if (typeof data !== 'string' || data === '') return 'A part of type input_audio must have data.'
  return hasScheme(data) ? mediaUrlFault(data) : undefined
}

function fileFault (value: JsonValue | undefined): string | undefined {
  if (!isObject(value)) return 'A part of type file must have a file.'
  for (const name of ['file_data', 'file_url', 'url']) {
    const data = value[name]
    const fault = typeof data === 'string' && hasScheme(data) ? mediaUrlFault(data) : undefined
    if (fault !== undefined) return fault
  }
  return undefined
}

function hasScheme (text: string): boolean {
  return /^[a-z][a-z0-9+.-]{0,20}:/i.test(text)
}
