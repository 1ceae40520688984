import { randomBytes, randomInt } from 'node:crypto'
import { ADMIN_TOKEN_FILE } from './accounts/admin-token.ts'
import { createClientKey, keyDigest } from './accounts/keys.ts'
import { fileSecret } from './store/embedded/secrets.ts'
import type { Config } from './config/schema.ts'
import type { FirstKey } from './accounts/first-key.ts'
import type { Peppers } from './accounts/secret-lookup.ts'

export interface Secrets { readonly peppers: Peppers, readonly firstKey: string, readonly adminToken: string }

const FIRST_KEY_FILE = 'first-key'

/** The configured secrets, and for those that are not configured ones made once and kept in the data folder. */
export function secretsOf ({ secrets, store: { data_dir: dataDir } }: Config): Secrets {
  const newSecret = (): string => randomBytes(32).toString('base64url')
  const newKey = (): string => createClientKey((below) => randomInt(below)).secret
  return {
    peppers: { current: secrets.master_secret ?? fileSecret(dataDir, 'secret', newSecret), previous: secrets.previous_master_secret },
    firstKey: secrets.bootstrap_key ?? fileSecret(dataDir, FIRST_KEY_FILE, newKey),
    adminToken: secrets.admin_token ?? fileSecret(dataDir, ADMIN_TOKEN_FILE, newSecret)
  }
}

/** The key of the first request, as it is looked for and kept. */
export function firstKeyOf (config: Config, { peppers, firstKey }: Secrets): FirstKey {
  return {
    digest: keyDigest(peppers.current, firstKey),
    previousDigest: peppers.previous === undefined ? undefined : keyDigest(peppers.previous, firstKey),
    origin: config.secrets.bootstrap_key === undefined ? 'made' : 'configured'
  }
}
