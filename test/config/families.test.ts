import t from 'tap'
import { familyOf } from '../../src/config/families.ts'

t.test('the families that answer as messages, incrementally, are those the vendor documents', async (t) => {
  const cases = [
    ['qwen3-max', 'message', true],
    ['qwen3-max-2025-09-23', 'message', true],
    ['qwen3-vl-plus', 'message', true],
    ['qwq-plus', 'message', true],
    ['qwen3-235b-a22b', 'message', true],
    ['qwen3-0.6b', 'message', true],
    ['qwen3-next-80b-a3b-thinking', 'message', true],
    ['qwen3-next-80b-a3b-instruct', 'text', true],
    ['qvq-max', 'text', true],
    ['qwen-long', 'message', false],
    ['qwen-coder-turbo', 'text', false],
    ['qwen3-coder-plus', 'text', false],
    ['qwen-plus', 'text', false],
    ['gpt-4o', 'text', false],
    ['__proto__', 'text', false]
  ] as const
  for (const [name, resultFormat, incrementalOutput] of cases) {
    t.same(familyOf(name).nativeDefaults, { resultFormat, incrementalOutput }, name)
  }
})

t.test('models that see are served by the multimodal service', async (t) => {
  for (const name of ['qwen-vl-max', 'qwen3-vl-plus', 'qwen2.5-vl-72b-instruct', 'qvq-max', 'qwen3.5-plus', 'qwen3.6-plus', 'qwen3.7-plus', 'qwen3.8-max']) {
    t.equal(familyOf(name).nativeService, 'multimodal-generation', name)
  }
  for (const name of ['qwen-coder-turbo', 'qwen3-max', 'qwen3.5-flash', 'qwen-plus']) t.equal(familyOf(name).nativeService, 'text-generation', name)
})

t.test('tokens are counted exactly up to Qwen3 and estimated from 3.5 on', async (t) => {
  for (const name of ['qwen-coder-turbo', 'qwen2.5-72b-instruct', 'qwen2.5-7b', 'qwen3-max', 'qwen1.5-7b-chat', 'qwq-plus']) {
    t.equal(familyOf(name).tokenizer, 'qwen', name)
  }
  for (const name of ['qwen3.5-plus', 'qwen3.6-plus', 'qwen3.8-max', 'qwen4-max', 'qwen10-max', 'gpt-4o']) t.equal(familyOf(name).tokenizer, 'estimate', name)
})

t.test('which models think, and which do so unasked, is known of their families', async (t) => {
  const cases = [
    ['qwen-plus', true, false],
    ['qwen-turbo-latest', true, false],
    ['qwen3-max', true, false],
    ['qwen3-235b-a22b', true, true],
    ['qwen3-next-80b-a3b-thinking', true, true],
    ['qwen3.5-plus', true, true],
    ['qwq-plus', true, true],
    ['qvq-max', true, true],
    ['qwen3-235b-a22b-instruct-2507', false, false],
    ['qwen3-coder-plus', false, false],
    ['qwen-coder-turbo', false, false],
    ['qwen2.5-72b-instruct', false, false],
    ['gpt-4o', false, false]
  ] as const
  for (const [name, thinks, byDefault] of cases) {
    const { thinkingTokensMax, thinksByDefault } = familyOf(name)
    t.same([thinkingTokensMax > 0, thinksByDefault], [thinks, byDefault], name)
  }
})
