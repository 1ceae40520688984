import { ALIAS, MODELS } from './settings.ts'
import { TARGET } from '../../relay/fakes.ts'
import { tierOf } from '../../support/prices.ts'
import type { Catalog, Model, Price } from '../../../src/core/catalog.ts'

const NO_END = Number.MAX_SAFE_INTEGER
const FLAT: Price = { currency: 'CNY', tiers: [tierOf(NO_END, 2_000, 6_000)] }
/** The middle tier is the cheapest, so that a shorter prompt may cost more than a longer one. */
const TIERED: Price = {
  currency: 'CNY',
  tiers: [
    tierOf(500, 4_000, 16_000),
    tierOf(2_000, 2_000, 5_001),
    tierOf(NO_END, 10_000, 40_000)
  ]
}
const PRICES: Readonly<Record<string, Price | undefined>> = {
  'qwen-coder-turbo': FLAT, 'qwen-coder-plus': TIERED, thinker: FLAT, 'dollar-model': { ...FLAT, currency: 'USD' }
}

function modelOf (name: string): Model {
  const price = PRICES[name]
  return {
    name,
    targets: [TARGET],
    contextTokens: 131_072,
    inputTokensMax: 129_024,
    outputTokensMax: 8_192,
    thinkingTokensMax: name === 'thinker' ? 700 : 0,
    thinksByDefault: name === 'thinker',
    tokenizer: 'qwen',
    nativeDefaults: { resultFormat: 'message', incrementalOutput: false },
    prices: price === undefined ? [] : [{ fromMs: 0, ...price }],
    createdSeconds: 0
  }
}

/** All models of the law, and nothing decided. */
export const CATALOG: Omit<Catalog, 'policies'> = (() => {
  const models = new Map(MODELS.map((name) => [name as string, modelOf(name)]))
  const resolve = (name: string): Model | undefined => models.get(name === ALIAS ? MODELS[0] : name)
  return { models, resolve, vendorRules: { strict: false, nativeDefaults: () => ({ resultFormat: 'message', incrementalOutput: false }) } }
})()
