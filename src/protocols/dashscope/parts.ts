import type { Part } from '../../core/chat.ts'
import { isObject, withoutKeys } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { mediaUrlFault } from '../../core/media.ts'

type MediaType = Exclude<Part['type'], 'text'>

/** Where one kind of part keeps its content. Native parts are named by their key; the Java SDK also sends `type` beside it. */
interface PartForm { readonly type: Part['type'], readonly key: string }

const KEYED: readonly PartForm[] = (['text', 'image', 'video', 'audio', 'file'] as const).map((type) => ({ type, key: type }))
const TYPED: Readonly<Record<string, PartForm>> = {
  ...Object.fromEntries(KEYED.map((form) => [form.type, form])),
  image_url: { type: 'image', key: 'image_url' },
  video_url: { type: 'video', key: 'video_url' },
  input_audio: { type: 'audio', key: 'input_audio' }
}

const FORMS = Object.values(TYPED)

/** Where OpenAI's wrappers keep what is a bare string here. */
const URL_KEYS = ['url', 'file_url', 'file_data'] as const

const FRAMES_MAX = 2_000
const NOT_A_PART = 'Input should be a valid dictionary or instance of GPT3Message'

/** The vendor's refusal of a content part, or undefined. */
export function partFault (part: JsonObject): string | undefined {
  const form = formOf(part)
  if (form === undefined) return NOT_A_PART
  const source = sourceOf(part, form)
  if (form.type === 'text') return typeof source === 'string' ? undefined : 'input content must be a string.'
  if (typeof source === 'string') return mediaUrlFault(source)
  // A video may be given as its frames.
  if (form.type !== 'video' || !Array.isArray(source) || source.length > FRAMES_MAX) return NOT_A_PART
  return frameFault(source)
}

/** A part that passed `partFault`. */
export function partFrom (part: JsonObject): Part {
  const form = formOf(part) as PartForm
  const source = sourceOf(part, form) as JsonValue
  const rest = withoutKeys(part, new Set(['type', form.key]))
  const attributes = Object.keys(rest).length === 0 ? {} : { attributes: rest }
  if (form.type === 'text') return { type: 'text', text: source as string, ...attributes }
  return { type: form.type, source, ...attributes }
}

/** A part as the multimodal service takes it: keyed by its type. */
export function partTo (part: Part): JsonObject {
  if (part.type === 'text') return { text: part.text, ...part.attributes }
  const { detail: _openaiOnly, ...attributes } = part.attributes ?? {}
  return { [part.type]: mediaTo(part.type, part.source), ...attributes }
}

/** Exactly one kind of content: a second one would go unseen, and a picture unseen is a picture uncounted. */
function formOf (part: JsonObject): PartForm | undefined {
  const present = FORMS.filter(({ key }) => part[key] !== undefined && part[key] !== null)
  const form = present[0]
  if (form === undefined || present.length > 1 || part['refusal'] !== undefined) return undefined
  const type = part['type']
  if (type === undefined) return KEYED.includes(form) ? form : undefined
  return typeof type === 'string' && Object.hasOwn(TYPED, type) && TYPED[type]?.type === form.type ? form : undefined
}

function sourceOf (part: JsonObject, form: PartForm): JsonValue | undefined {
  return form.type === 'text' ? part[form.key] : mediaTo(form.type, part[form.key])
}

/** The URL inside OpenAI's wrappers; a bare URL stays as it is. */
function mediaTo (type: MediaType, source: JsonValue | undefined): JsonValue {
  if (!isObject(source)) return source ?? null
  const { data, format } = source
  for (const key of URL_KEYS) if (typeof source[key] === 'string') return source[key]
  if (typeof data !== 'string') return source
  if (/^(?:data|https?|oss):/i.test(data)) return data
  return `data:${type}/${typeof format === 'string' ? format : 'wav'};base64,${data}`
}

function frameFault (frames: readonly JsonValue[]): string | undefined {
  for (const frame of frames) {
    const fault = typeof frame === 'string' ? mediaUrlFault(frame) : NOT_A_PART
    if (fault !== undefined) return fault
  }
  return undefined
}
