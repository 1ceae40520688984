// OpenAI's own Node package reads usage and costs with an admin key; prints one JSON object, scenario name to what was seen.
import OpenAI from 'openai'
import { report } from './scenarios.js'

const client = new OpenAI({ apiKey: null, baseURL: process.env.DASHGATE_ADMIN_BASE_URL, maxRetries: 0 })
const { usage } = client.admin.organization
const time = { start_time: Number(process.env.DASHGATE_START_TIME) }

await report({
  usage: () => usage.completions(time),
  grouped: () => usage.completions({ ...time, bucket_width: '1h', limit: 1, group_by: ['project_id', 'api_key_id', 'model'] }),
  filtered: () => usage.completions({ ...time, project_ids: ['team-2'], models: ['qwen-coder-turbo', 'no-such-model'], batch: false }),
  pages,
  costs: () => usage.costs({ ...time, group_by: ['line_item', 'project_id'] }),
  by_the_minute: () => refused(usage.completions({ ...time, bucket_width: '1m' })),
  unauthorized: () => refused(client.withOptions({ adminAPIKey: 'not-the-admin-key' }).admin.organization.usage.costs(time))
})

/** All buckets of two days and a bit, one at a time. */
async function pages () {
  const buckets = []
  let page
  do {
    const seen = await usage.completions({ start_time: time.start_time - 172_800, limit: 1, ...(page ? { page } : {}) })
    buckets.push(...seen.data)
    page = seen.next_page
  } while (page)
  return buckets
}

async function refused (asking) {
  try {
    return { answered: await asking }
  } catch ({ constructor, status, code, type, param, message }) {
    return { class: constructor.name, status, code, type, param, message }
  }
}
