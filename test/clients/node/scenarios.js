// What the Node programs share: the prompts, the tool, and how a scenario is run and reported.
export const MODEL = process.env.DASHGATE_CLIENT_MODEL
export const WRONG_KEY = 'sk-not-a-key-of-this-gateway'
export const ANSWERED_ONCE = [
  { role: 'system', content: 'You are a helpful assistant.' },
  { role: 'user', content: '请用一句话介绍素数，并举出三个例子。' }
]
export const WEATHER_QUESTION = 'What is the weather in Paris?'
export const WEATHER_TOOL = {
  type: 'function',
  function: {
    name: 'get_current_weather',
    description: 'Get the current weather in a given location',
    parameters: { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] }
  }
}
export const WEATHER_RESULT = { temperature: 22, unit: 'celsius' }

/** Runs the scenarios named on the command line (all without a name) and prints one JSON object of what each saw. */
export async function report (scenarios) {
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(scenarios)
  const seen = {}
  for (const name of names) seen[name] = await observe(scenarios[name])
  console.log(JSON.stringify(seen))
}

async function observe (scenario) {
  try {
    return await scenario()
  } catch (error) {
    console.error(error)
    return { raised: `${error.constructor.name}: ${error.message}` }
  }
}
