import type { Kept } from './marks.ts'
import type { RedisServer } from '../../support/redis.ts'

const READ: Readonly<Record<string, (key: string) => readonly [string, ...(string | number)[]]>> = {
  string: (key) => ['GET', key],
  hash: (key) => ['HGETALL', key],
  list: (key) => ['LRANGE', key, 0, -1],
  set: (key) => ['SMEMBERS', key],
  zset: (key) => ['ZRANGE', key, 0, -1, 'WITHSCORES'],
  stream: (key) => ['XRANGE', key, '-', '+']
}

/** Every key and what it holds. A dump would do too, were it not compressed. */
export async function contentsOf (redis: RedisServer): Promise<Kept[]> {
  const kept: Kept[] = []
  for (const key of (await redis.command('KEYS', '*') as string[])) {
    const type = String(await redis.command('TYPE', key))
    const read = READ[type]
    if (read === undefined) throw new Error(`nobody knows how to read ${type} ${key}`)
    const [word, ...words] = read(key)
    kept.push({ place: `Redis ${key}`, text: `${key} ${JSON.stringify(await redis.command(word, ...words))}` })
  }
  return kept
}
