import neostandard, { plugins } from 'neostandard'

/** Which other folders of src each one may import from; ARCHITECTURE, "Who may import whom". */
const IMPORTS = {
  core: [],
  sse: ['core'],
  tokens: [],
  accounts: ['core'],
  limits: ['core', 'accounts', 'metering'],
  metering: ['core'],
  upstream: ['core', 'accounts'],
  protocols: ['core'],
  relay: ['core', 'sse', 'upstream', 'tokens', 'metering', 'accounts', 'limits'],
  store: ['core', 'accounts', 'metering', 'limits'],
  config: ['core'],
  observe: ['core', 'relay', 'limits', 'metering'],
  http: ['core', 'relay', 'accounts', 'metering', 'limits'],
  admin: ['http', 'observe', 'core', 'accounts', 'metering', 'limits', 'upstream'],
  simulator: ['tokens'],
  cli: ['config', 'core', 'observe', 'protocols', 'simulator', 'accounts', 'limits', 'store']
}

/** Packages that only one or two folders may know. */
const PACKAGES = {
  fastify: ['http', 'admin'],
  undici: ['upstream'],
  'node:sqlite': ['store'],
  ioredis: ['store'],
  'temporal-polyfill': ['limits', 'accounts'],
  '@fastify/rate-limit': ['admin'],
  '@fastify/swagger': ['admin'],
  '@fastify/swagger-ui': ['admin'],
  pino: ['observe'],
  'prom-client': ['observe'],
  '@opentelemetry/api': ['observe'],
  '@opentelemetry/exporter-trace-otlp-http': ['observe'],
  '@opentelemetry/resources': ['observe'],
  '@opentelemetry/sdk-trace': ['observe'],
  commander: ['cli'],
  'close-with-grace': ['cli'],
  yaml: ['config'],
  typebox: ['config', 'accounts', 'admin']
}

const boundaries = Object.entries(IMPORTS).map(([folder, allowed]) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': ['error', {
      patterns: [{
        regex: `^(\\.\\./)+(?!${['\\.', ...allowed, folder].join('|')})[a-z-]+/`,
        message: `src/${folder} may import from ${allowed.join(', ') || 'no other folder'}.`
      }, ...(folder === 'protocols' ? [{ regex: '^\\.\\./(?!\\.)[a-z]+/', message: 'Protocols never import each other.' }] : [])],
      paths: Object.entries(PACKAGES).filter(([, folders]) => !folders.includes(folder))
        .map(([name, folders]) => ({ name, message: `Only src/${folders.join(' and src/')} may import ${name}.` }))
    }]
  }
}))

const size = {
  'max-lines': ['error', { max: 250 }],
  'max-lines-per-function': ['error', { max: 50, skipComments: true }],
  'max-params': ['error', 4],
  'max-depth': ['error', 4],
  complexity: ['error', 16]
}

const handedIn = (object, property) => ({ object, property, message: 'Time, randomness and the environment are handed in.' })

export default [
  ...neostandard({ ts: true, ignores: ['test/clients/**/node_modules', 'test/clients/**/.venv', 'test/clients/java/target', 'data/**'] }),
  {
    files: ['src/**/*.ts'],
    languageOptions: { parserOptions: { project: './tsconfig.json' } },
    plugins: { '@typescript-eslint': plugins['typescript-eslint'].plugin },
    rules: {
      ...size,
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@stylistic/max-len': ['error', { code: 130, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true }],
      'no-void': ['error', { allowAsStatement: true }],
      'no-restricted-properties': ['error',
        handedIn('Date', 'now'), handedIn('Math', 'random'), handedIn('performance', 'now'), handedIn('process', 'env')]
    }
  },
  { files: ['src/system.ts', 'src/server.ts', 'src/listeners.ts', 'src/secrets.ts', 'src/state.ts', 'src/main.ts', 'src/simulator/clock.ts'], rules: { 'no-restricted-properties': 'off' } },
  ...boundaries,
  { files: ['src/protocols/registry.ts'], rules: { 'no-restricted-imports': 'off' } }
]
