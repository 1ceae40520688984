// OpenAI's own Node package against the gateway; prints one JSON object, scenario name to what was seen.
import OpenAI from 'openai'
import { ANSWERED_ONCE, MODEL, WEATHER_QUESTION, WEATHER_RESULT, WEATHER_TOOL, WRONG_KEY, report } from './scenarios.js'

const client = new OpenAI({ maxRetries: 0 })
// As most people make theirs: it repeats by itself what it takes for a passing trouble.
const defaultClient = new OpenAI()
const question = { model: MODEL, messages: ANSWERED_ONCE }

await report({
  chat: async () => completionSeen(await client.chat.completions.create(question)),
  stream: () => stream({}),
  stream_with_usage: () => stream({ stream_options: { include_usage: true } }),
  aborted_stream: abortedStream,
  tools,
  unauthorized: () => refused(client.withOptions({ apiKey: WRONG_KEY }), question),
  unknown_model: () => refused(client, { ...question, model: 'no-such-model' }),
  out_of_range: () => refused(client, { ...question, temperature: 2.5 }),
  broken_stream: brokenStream,
  models,
  limited: () => limited({}),
  limited_stream: () => limited({ stream: true })
})

function completionSeen (completion) {
  const { message, finish_reason: finishReason } = completion.choices[0]
  return {
    id: completion.id,
    model: completion.model,
    request_id: completion._request_id,
    role: message.role,
    text: message.content,
    finish_reason: finishReason,
    usage: completion.usage
  }
}

async function stream (options) {
  return read(await client.chat.completions.create({ ...question, stream: true, ...options }), {})
}

/** Everything a stream said; a failure is noted beside what had arrived by then. */
async function read (chunks, { onChunk = () => {} }) {
  const ids = new Set()
  const seen = { text: '', pieces: 0, finish_reasons: [], usages: [] }
  try {
    for await (const chunk of chunks) {
      ids.add(chunk.id)
      if (chunk.usage) seen.usages.push({ choices: chunk.choices.length, ...chunk.usage })
      for (const choice of chunk.choices) {
        if (choice.delta.content) {
          seen.text += choice.delta.content
          seen.pieces += 1
        }
        if (choice.finish_reason) seen.finish_reasons.push(choice.finish_reason)
      }
      onChunk(seen)
    }
  } catch (error) {
    Object.assign(seen, failure(error))
  }
  return { ids: ids.size, ...seen }
}

async function abortedStream () {
  const chunks = await client.chat.completions.create({ ...question, stream: true })
  return read(chunks, {
    onChunk: (seen) => {
      if (seen.pieces === 1) chunks.controller.abort()
    }
  })
}

async function brokenStream () {
  return stream({})
}

async function tools () {
  const messages = [{ role: 'user', content: WEATHER_QUESTION }]
  const asked = await client.chat.completions.create({ model: MODEL, messages, tools: [WEATHER_TOOL] })
  const { message, finish_reason: finishReason } = asked.choices[0]
  const calls = message.tool_calls ?? []
  const results = calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: JSON.stringify(WEATHER_RESULT) }))
  const answered = await client.chat.completions.create({
    model: MODEL, messages: [...messages, message, ...results], tools: [WEATHER_TOOL]
  })
  return { finish_reason: finishReason, calls, answer: completionSeen(answered) }
}

async function refused (asking, body) {
  try {
    return { answered: completionSeen(await asking.chat.completions.create(body)) }
  } catch (error) {
    return failure(error)
  }
}

/** Whatever comes of a call by a client that may repeat it; `limit` is what the answer says beside OpenAI's words. */
async function limited (options) {
  try {
    const answer = await defaultClient.chat.completions.create({ ...question, ...options })
    return options.stream ? await read(answer, {}) : completionSeen(answer)
  } catch (error) {
    return { ...failure(error), is_rate_limit_error: error instanceof OpenAI.RateLimitError, limit: error.error?.limit }
  }
}

function failure (error) {
  return {
    class: error.constructor.name,
    status: error.status,
    code: error.code,
    type: error.type,
    message: error.message,
    request_id: error.requestID
  }
}

async function models () {
  const ids = []
  for await (const model of client.models.list()) ids.push(model.id)
  return { ids, retrieved: (await client.models.retrieve(MODEL)).id }
}
