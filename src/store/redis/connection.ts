import { Cluster, Redis } from 'ioredis'
import { replyCode } from './failures.ts'
import type { ClusterOptions, RedisOptions } from 'ioredis'

export interface RedisConnection {
  readonly client: Redis | Cluster
  /** The code of the last failure to connect, such as `ECONNREFUSED`; undefined while connected. */
  readonly failureCode: string | undefined
  /** Told of each script that had to be sent whole. */
  readonly scriptLoaded: () => void
  /** Called whenever the connection has been made, also for the first time. */
  onReady (listener: () => void): void
  close (): void
}

export interface RedisConnectionDeps {
  /** In [0, 1): keeps replicas from coming back all at once. */
  readonly random: () => number
  readonly scriptLoaded?: () => void
}

const CONNECT_TIMEOUT_MS = 1_000
const RECONNECT_DELAY_MS_MIN = 50
const RECONNECT_DELAY_MS_MAX = 500
/** A server that says nothing for so long while somebody waits is behind a cut wire, and the connection is made anew. */
const SILENCE_MS_MAX = 2_000
/** For commands that bring no shorter limit of their own. */
const COMMAND_TIMEOUT_MS = 2_000
const SLOTS_REFRESH_INTERVAL_MS = 10_000
const REDIRECTIONS_MAX = 3
const TRY_AGAIN_DELAY_MS = 50
const PORT = 6379
const SENTINEL_PORT = 26379

/**
 * Connects in the background, for as long as it takes. Nothing is ever queued or sent a second time by the client: whoever
 * calls is told at once, because only he knows whether anybody still waits.
 *
 * `redis://` and `rediss://` as everywhere, `redis+sentinel://[user:password@]host:port,host:port/master[/db]`, and
 * `redis+cluster://[user:password@]host:port,host:port`.
 * @throws TypeError for a URL that is none of these
 */
export function openRedisConnection (url: string, deps: RedisConnectionDeps): RedisConnection {
  const client = createClient(url, deps)
  let failureCode: string | undefined
  client.on('error', (error: Error) => { failureCode = codeOf(error) })
  client.on('ready', () => { failureCode = undefined })
  return {
    client,
    scriptLoaded: deps.scriptLoaded ?? (() => {}),
    get failureCode () { return failureCode },
    onReady (listener) { client.on('ready', listener) },
    close () { client.disconnect() }
  }
}

/** A cluster's error holds those of its nodes. */
function codeOf (error: Error): string | undefined {
  if ('lastNodeError' in error && error.lastNodeError instanceof Error) return codeOf(error.lastNodeError)
  return 'code' in error && typeof error.code === 'string' ? error.code : replyCode(error.message)
}

function createClient (url: string, { random }: RedisConnectionDeps): Redis | Cluster {
  const reconnectDelayMs = (attempt: number): number => {
    const longestMs = Math.min(RECONNECT_DELAY_MS_MAX, RECONNECT_DELAY_MS_MIN * 2 ** Math.min(attempt, 10))
    return Math.round(longestMs * (1 + random()) / 2)
  }
  if (/^rediss?:\/\/[^/]/.test(url)) return new Redis(url, { ...NODE_OPTIONS, ...singleOptions(reconnectDelayMs) })
  const { kind, username, password, nodes, path: [name, db] } = parseNodes(url)
  const credentials = { ...(username && { username }), ...(password && { password }) }
  if (kind === 'cluster') {
    const redisOptions = { ...NODE_OPTIONS, ...credentials }
    return connectingAtOnce(new Cluster([...nodes], { ...clusterOptions(reconnectDelayMs), redisOptions }))
  }
  if (!name || !/^\d*$/.test(db ?? '')) throw new TypeError('A Sentinel URL ends in /master or /master/db.')
  return new Redis({
    ...NODE_OPTIONS,
    ...singleOptions(reconnectDelayMs),
    ...credentials,
    name,
    db: Number(db ?? 0),
    sentinels: [...nodes],
    sentinelRetryStrategy: reconnectDelayMs
  })
}

const NODE_OPTIONS = {
  protocol: 2,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  // With 0 retries commands under way fail as soon as the connection closes, and not with the second failure to reconnect.
  maxRetriesPerRequest: 0,
  enableAutoPipelining: false,
  connectTimeout: CONNECT_TIMEOUT_MS,
  commandTimeout: COMMAND_TIMEOUT_MS,
  socketTimeout: SILENCE_MS_MAX,
  maxLoadingRetryTime: RECONNECT_DELAY_MS_MAX,
  connectionName: 'dashgate'
} as const satisfies RedisOptions

function singleOptions (retryStrategy: (attempt: number) => number) {
  return {
    retryStrategy,
    // After a failover the old address may lead to a replica; the command is the caller's to send again.
    reconnectOnError: ({ message }: Error) => message.startsWith('READONLY')
  } satisfies RedisOptions
}

function clusterOptions (clusterRetryStrategy: (attempt: number) => number): ClusterOptions {
  return {
    clusterRetryStrategy,
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    scaleReads: 'master',
    slotsRefreshInterval: SLOTS_REFRESH_INTERVAL_MS,
    maxRedirections: REDIRECTIONS_MAX,
    // 0 is never: the caller is told.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: TRY_AGAIN_DELAY_MS
  }
}

/**
 * A cluster's client connects to a node with the first command for it, and rejects those that come until that is done. So it
 * is done before, unless the command at hand does it in this very turn. A failure is told as the cluster's own.
 */
function connectingAtOnce (cluster: Cluster): Cluster {
  cluster.on('+node', (node: Redis) => {
    setImmediate(() => { if (node.status === 'wait') node.connect().catch(() => undefined) })
  })
  return cluster
}

interface Nodes {
  readonly kind: 'sentinel' | 'cluster'
  readonly username: string
  readonly password: string
  readonly nodes: readonly { readonly host: string, readonly port: number }[]
  readonly path: readonly string[]
}

/** URL itself knows only one host. */
function parseNodes (url: string): Nodes {
  const [, kind, user = '', hosts, path = ''] = /^redis\+(sentinel|cluster):\/\/(?:([^@/]*)@)?([^@/]+)(?:\/(.*))?$/.exec(url) ?? []
  // The URL may hold a password, and one with a slash in it would be taken for a host: nothing of it is repeated.
  if ((kind !== 'sentinel' && kind !== 'cluster') || hosts === undefined || path.includes('@')) {
    throw new TypeError('The URL of Redis is none that is known. In a password, write / as %2F, @ as %40 and : as %3A.')
  }
  const [username = '', ...password] = user.split(':')
  return {
    kind,
    username: decodeURIComponent(username),
    password: decodeURIComponent(password.join(':')),
    nodes: hosts.split(',').map((host) => nodeOf(host, kind === 'sentinel' ? SENTINEL_PORT : PORT)),
    path: path.split('/')
  }
}

function nodeOf (text: string, usualPort: number): { host: string, port: number } {
  const [, ipv6, name, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = ipv6 ?? name
  if (host === undefined) throw new TypeError('A node in the URL of Redis is no host:port.')
  return { host, port: Number(port ?? usualPort) }
}
