import { createHmac } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ADMIN_TOKEN_FILE } from '../../accounts/admin-token.ts'
import { findingsFor } from './finding.ts'
import { weaknessOf } from '../../core/secret-strength.ts'
import type { Config } from '../../config/schema.ts'
import type { Finding } from './finding.ts'
import type { LoadedConfig } from '../../config/load.ts'

/** What the embedded store's own pepper is kept in. */
const MASTER_SECRET_FILE = 'secret'

/** The gateway's own secrets, wherever they are, and whether others may read them. */
export function checkSecrets ({ config, file }: LoadedConfig): readonly Finding[] {
  const { secrets, store } = config
  const pathOf = (name: string): string => join(store.data_dir, name)
  return [
    strengthOf(secrets.admin_token, { what: 'the admin token', path: pathOf(ADMIN_TOKEN_FILE), variable: 'DASHGATE_ADMIN_TOKEN' }),
    strengthOf(secrets.master_secret, { what: 'the master secret', path: pathOf(MASTER_SECRET_FILE), variable: 'DASHGATE_SECRET' }),
    ...replicaFindings(config),
    ...fileFindings(config, file),
    ...adminFindings(config)
  ]
}

interface SecretPlace { readonly what: string, readonly path: string, readonly variable: string }

function strengthOf (configured: string | undefined, { what, path, variable }: SecretPlace): Finding {
  const { ok, fail } = findingsFor('secrets')
  const generated = configured === undefined && existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined
  const secret = configured ?? generated
  if (secret === undefined) return ok(`${what} is made at the first start, in ${path}`)
  const source = configured === undefined ? path : 'the configuration'
  const weakness = weaknessOf(secret)
  if (weakness !== undefined) return fail(`${what} from ${source} ${weakness}`, `Set ${variable} to what openssl rand -base64 33 prints.`)
  return ok(`${what} is from ${source} and long enough`)
}

/** Says nothing of the secret, and differs where the secret does. */
function fingerprint (secret: string): string {
  return createHmac('sha256', secret).update('dashgate doctor').digest('hex').slice(0, 8)
}

function replicaFindings ({ secrets, store }: Config): Finding[] {
  if (store.redis_url === '' || secrets.master_secret === undefined) return []
  return [findingsFor('secrets').ok(`the master secret's fingerprint is ${fingerprint(secrets.master_secret)}: it must be the same on every gateway with this Redis, or keys made on one are unknown to the others`)]
}

const READ_BY_OTHERS = 0o044

/** A file with keys in it is as secret as they are. */
function fileFindings ({ upstreams, secrets }: Config, file: string | undefined): Finding[] {
  if (file === undefined) return []
  const { ok, warn } = findingsFor('secrets')
  const text = readFileSync(file, 'utf8')
  const keys = upstreams.flatMap((upstream) => upstream.keys.map((key) => typeof key === 'string' ? key : key.key))
  const holdsSecrets = [...keys, ...Object.values(secrets)]
    .some((secret) => secret.length >= SECRET_IN_FILE_CHARACTERS_MIN && text.includes(secret))
  if (!holdsSecrets) return [ok(`${file} holds no secrets`)]
  if ((statSync(file).mode & READ_BY_OTHERS) === 0) return [ok(`${file} holds secrets, and nobody else may read it`)]
  return [warn(`${file} holds secrets, and others may read it`, `chmod 600 ${file}, or name variables of the environment in it.`)]
}

/** Shorter ones, such as "none", are no secrets. */
const SECRET_IN_FILE_CHARACTERS_MIN = 8

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|\[::1\]|localhost)$/

function adminFindings ({ admin }: Config): Finding[] {
  if (LOOPBACK.test(admin.host)) return []
  return [findingsFor('secrets').warn(`the admin listener on ${admin.host} is open to other machines, and its token crosses the network as it is`, 'Put TLS in front of it, and let only administrators through.')]
}
