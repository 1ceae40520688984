/** What one choice has written so far, as the model writes it: with the frames around thoughts and calls. */
export interface Transcript {
  readonly text: string
  /** Whether there are frames in it: then what looks like one is one, else it is what the model said. */
  readonly isFramed: boolean
}

/** A text that grows. */
export interface GrowingText {
  /** In bytes; never less than the text has. */
  readonly length: number
  appendText (text: string): void
  text (): string
}

interface Choice<Text> {
  readonly written: Text
  part: 'nothing' | 'thoughts' | 'text' | 'call'
  callIndex: number | undefined
  isFramed: boolean
}

const THINK = '<think>\n'
const THOUGHT = '\n</think>\n\n'
const CALLED = '}\n</tool_call>'

/**
 * Puts together, choice by choice, what a model wrote: Qwen writes its thoughts and its calls between marks, which the
 * service bills and nobody sees. What is still open is left open. How a piece is kept is the caller's own.
 */
export class Transcripts<Text extends GrowingText> {
  readonly #createText: () => Text
  readonly #choices = new Map<number, Choice<Text>>()
  #hasThoughts = false

  constructor (createText: () => Text) {
    this.#createText = createText
  }

  /** Whether any choice has thought before it spoke. */
  get hasThoughts (): boolean {
    return this.#hasThoughts
  }

  /** Of all choices together. */
  get length (): number {
    let length = 0
    for (const { written } of this.#choices.values()) length += written.length
    return length
  }

  /** Where the next piece of thought goes. Like the others, it is called for a piece that is not empty. */
  thoughts (index: number): Text {
    const choice = this.#choiceAt(index)
    if (choice.part !== 'thoughts') frame(choice, THINK)
    choice.part = 'thoughts'
    this.#hasThoughts = true
    return choice.written
  }

  /** Where the next piece of text goes. */
  text (index: number): Text {
    const choice = this.#choiceAt(index)
    if (choice.part !== 'text') close(choice)
    choice.part = 'text'
    return choice.written
  }

  /** Where a fragment of a call's arguments goes; another call than the last begins with its name. */
  call (index: number, callIndex: number | undefined, name: string): Text {
    const choice = this.#choiceAt(index)
    const goesOn = choice.part === 'call' && (callIndex === undefined ? name === '' : callIndex === choice.callIndex)
    if (!goesOn) {
      const isNext = choice.part === 'call'
      close(choice)
      frame(choice, `${isNext ? '\n' : ''}<tool_call>\n{"name": "${name}", "arguments": `)
    }
    choice.part = 'call'
    choice.callIndex = callIndex
    return choice.written
  }

  /** The choice has ended: an open call is closed. */
  end (index: number): void {
    const choice = this.#choices.get(index)
    if (choice?.part !== 'call') return
    close(choice)
    choice.part = 'nothing'
  }

  all (): Transcript[] {
    return [...this.#choices.values()].map(({ written, isFramed }) => ({ text: written.text(), isFramed }))
  }

  #choiceAt (index: number): Choice<Text> {
    const known = this.#choices.get(index)
    if (known !== undefined) return known
    const choice: Choice<Text> = { written: this.#createText(), part: 'nothing', callIndex: undefined, isFramed: false }
    this.#choices.set(index, choice)
    return choice
  }
}

/** The marks that end what is open, before something else begins. */
function close (choice: Choice<GrowingText>): void {
  if (choice.part === 'thoughts') frame(choice, THOUGHT)
  if (choice.part === 'call') frame(choice, CALLED)
}

function frame (choice: Choice<GrowingText>, mark: string): void {
  choice.isFramed = true
  choice.written.appendText(mark)
}

/** The thoughts at the beginning of what was written; '' where there are none. */
export function thoughtsIn ({ text, isFramed }: Transcript): string {
  if (!isFramed || !text.startsWith(THINK)) return ''
  const end = text.indexOf(THOUGHT)
  return text.slice(THINK.length, end < 0 ? undefined : end)
}

/**
 * A text in pieces. Far more than the longest answer is kept; what is said beyond it is missing from an estimate and from
 * nothing else.
 */
export class Pieces implements GrowingText {
  readonly #pieces: string[] = []
  length = 0

  appendText (text: string): void {
    if (this.length >= PIECES_BYTES_MAX) return
    this.length += Buffer.byteLength(text)
    this.#pieces.push(text)
  }

  text (): string {
    return this.#pieces.join('')
  }
}

const PIECES_BYTES_MAX = 1_048_576
