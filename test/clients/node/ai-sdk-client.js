// Vercel's AI SDK against the gateway, by its OpenAI-compatible provider and by Alibaba's; prints one JSON object,
// scenario name to what was seen.
import { createAlibaba } from '@ai-sdk/alibaba'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { APICallError, generateText, isStepCount, streamText, tool } from 'ai'
import { z } from 'zod'
import { ANSWERED_ONCE, MODEL, WEATHER_QUESTION, WEATHER_RESULT, WEATHER_TOOL, WRONG_KEY, report } from './scenarios.js'

const baseURL = process.env.OPENAI_BASE_URL
const apiKey = process.env.OPENAI_API_KEY
const [{ content: system }, { content: prompt }] = ANSWERED_ONCE
const question = { system, prompt, maxRetries: 0 }

const compatible = createOpenAICompatible({ name: 'dashgate', baseURL, apiKey })
const compatibleWithUsage = createOpenAICompatible({ name: 'dashgate', baseURL, apiKey, includeUsage: true })
const alibaba = createAlibaba({ baseURL, apiKey })

const weather = {
  prompt: WEATHER_QUESTION,
  maxRetries: 0,
  stopWhen: isStepCount(2),
  tools: {
    [WEATHER_TOOL.function.name]: tool({
      description: WEATHER_TOOL.function.description,
      inputSchema: z.object({ location: z.string() }),
      execute: async () => WEATHER_RESULT
    })
  }
}

await report({
  compatible_generate: () => generate(compatible(MODEL)),
  compatible_stream: () => stream(compatible(MODEL)),
  compatible_stream_with_usage: () => stream(compatibleWithUsage(MODEL)),
  compatible_tools: () => tools(compatible(MODEL)),
  compatible_tools_stream: () => toolsStream(compatible(MODEL)),
  alibaba_generate: () => generate(alibaba(MODEL)),
  alibaba_stream: () => stream(alibaba(MODEL)),
  alibaba_tools: () => tools(alibaba(MODEL)),
  alibaba_thinking: thinking,
  unauthorized: () => refused(createOpenAICompatible({ name: 'dashgate', baseURL, apiKey: WRONG_KEY })(MODEL)),
  unknown_model: () => refused(compatible('no-such-model')),
  broken_stream: () => stream(compatible(MODEL))
})

async function generate (model) {
  const { text, finishReason, usage } = await generateText({ model, ...question })
  return { text, finish_reason: finishReason, usage: tokens(usage) }
}

async function stream (model) {
  const errors = []
  const result = streamText({ model, ...question, onError: ({ error }) => errors.push(messageOf(error)) })
  const pieces = []
  for await (const piece of result.textStream) pieces.push(piece)
  return {
    pieces: pieces.length,
    text: pieces.join(''),
    finish_reason: await result.finishReason,
    usage: tokens(await result.usage),
    errors
  }
}

// An error in the middle of a stream may arrive as the error document itself.
function messageOf (error) {
  return error.message ?? error.error?.message ?? String(error)
}

function tokens ({ inputTokens, outputTokens, totalTokens }) {
  return { inputTokens, outputTokens, totalTokens }
}

async function thinking () {
  const { reasoningText, text } = await generateText({
    model: alibaba('qwen-plus'), ...question, providerOptions: { alibaba: { enableThinking: true } }
  })
  return { reasoning: reasoningText, text }
}

async function tools (model) {
  const { text, steps } = await generateText({ model, ...weather })
  return { text, steps: steps.map(stepSeen) }
}

async function toolsStream (model) {
  const result = streamText({ model, ...weather })
  await result.consumeStream()
  return { text: await result.text, steps: (await result.steps).map(stepSeen) }
}

function stepSeen ({ finishReason, toolCalls }) {
  return { finish_reason: finishReason, calls: toolCalls.map(({ toolName, input }) => ({ name: toolName, input })) }
}

async function refused (model) {
  try {
    return { answered: await generate(model) }
  } catch (error) {
    if (!APICallError.isInstance(error)) throw error
    return { class: error.name, status: error.statusCode, message: error.message, retryable: error.isRetryable }
  }
}
