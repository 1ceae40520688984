/* eslint no-template-curly-in-string: off -- the configuration's own variables look like that */
import t from 'tap'
import fc from 'fast-check'
import { substituteVariables } from '../../src/config/variables.ts'

const environment = { KEY: 'sk-1', EMPTY: '', NESTED: '${KEY}' }

t.test('variables are put in as shells do', async (t) => {
  const cases = [
    ['${KEY}', 'sk-1'],
    ['a${KEY}b${KEY}', 'ask-1bsk-1'],
    ['${NONE:-fallback}', 'fallback'],
    ['${NONE:-}', ''],
    ['${EMPTY:-fallback}', 'fallback'],
    ['${NONE:-a:-b?}', 'a:-b?'],
    ['${KEY:-fallback}', 'sk-1'],
    ['${KEY:?missing}', 'sk-1'],
    ['$${KEY}', '${KEY}'],
    ['$5', '$5']
  ]
  for (const [text = '', filled] of cases) t.same(substituteVariables(text, environment), { text: filled }, text)
})

t.test('what a variable holds is not looked at again', async (t) => {
  t.same(substituteVariables('${NESTED}', environment), { text: '${KEY}' })
})

t.test('what cannot be put in is said, and all of it at once', async (t) => {
  const cases = [
    ['${NONE}', 'the environment variable NONE is not set'],
    ['${EMPTY}', 'the environment variable EMPTY is not set'],
    ['${NONE:?get one}', 'NONE: get one'],
    ['${NONE:?}', 'the environment variable NONE is not set'],
    ['${1A}', '${1A} is no variable; write ${NAME}, ${NAME:-default} or ${NAME:?message}'],
    ['${A-b}', '${A-b} is no variable; write ${NAME}, ${NAME:-default} or ${NAME:?message}'],
    ['${A} ${B:?b}', 'the environment variable A is not set; B: b']
  ]
  for (const [text = '', fault] of cases) t.same(substituteVariables(text, environment), { fault }, text)
})

t.test('names of object prototypes are variables that are not set', async (t) => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    t.same(substituteVariables(`\${${name}}`, {}), { fault: `the environment variable ${name} is not set` })
  }
})

t.test('a text without a dollar sign is left as it is', async () => {
  const plain = fc.string().filter((text) => !text.includes('$'))
  fc.assert(fc.property(plain, (text) => {
    const filled = substituteVariables(text, environment)
    return 'text' in filled && filled.text === text
  }))
})
