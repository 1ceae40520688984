import { GatewayError } from '../core/errors.ts'
import type { Clock } from '../core/clock.ts'
import type { Directory } from './directory.ts'

export interface LateDirectory {
  /** Answers `store_unavailable` until the store has been read once. */
  readonly directory: Directory
  readonly isOpen: boolean
  stop (): void
}

export interface LateDirectoryDeps {
  readonly clock: Clock
  /** Told once, when the store could be read. */
  readonly opened: (directory: Directory) => void
  /** Told of what is no store's absence; it is tried again all the same. */
  readonly failed: (cause: unknown) => void
}

const RETRY_DELAY_MS = 500

/**
 * A directory whose store may come up after the gateway: it is tried again and again, and nobody is let in before. Resolves
 * after the first try. @throws what that try met, unless it was GatewayError `store_unavailable`
 */
export async function openLateDirectory (
  open: () => Promise<Directory>, { clock, opened, failed }: LateDirectoryDeps
): Promise<LateDirectory> {
  let current: Directory | undefined
  let isStopped = false
  let stopTimer = (): void => {}

  async function attempt (): Promise<void> {
    const directory = await open()
    if (isStopped) return
    current = directory
    opened(directory)
  }

  function retryLater (): void {
    if (isStopped) return
    stopTimer = clock.setTimer(RETRY_DELAY_MS, () => {
      attempt().catch((cause: unknown) => {
        if (!isAbsence(cause)) failed(cause)
        retryLater()
      })
    })
  }

  await attempt().catch((cause: unknown) => {
    if (!isAbsence(cause)) throw cause
    retryLater()
  })
  return {
    get isOpen () { return current !== undefined },
    stop () {
      isStopped = true
      stopTimer()
    },
    directory: facadeOf(() => {
      if (current !== undefined) return current
      throw new GatewayError('store_unavailable', 'The gateway cannot check keys yet. Try again shortly.', { retryAfterMs: 1_000 })
    })
  }
}

/** @param opened throws as long as there is none */
function facadeOf (opened: () => Directory): Directory {
  return {
    findByDigest: (digest) => opened().findByDigest(digest),
    team: (id) => opened().team(id),
    key: (id) => opened().key(id),
    teams: () => opened().teams(),
    keysOf: (teamId) => opened().keysOf(teamId),
    formerOf: (key) => opened().formerOf(key),
    token: (id) => opened().token(id),
    findTokenByDigest: (digest) => opened().findTokenByDigest(digest),
    tokens: () => opened().tokens(),
    upstream: (name) => opened().upstream(name),
    upstreams: () => opened().upstreams(),
    createTeam: async (id, settings, by) => await opened().createTeam(id, settings, by),
    replaceTeam: async (team, settings, by) => await opened().replaceTeam(team, settings, by),
    removeTeam: async (team, by) => await opened().removeTeam(team, by),
    createKey: async (key, by) => await opened().createKey(key, by),
    replaceKey: async (key, changes, by) => await opened().replaceKey(key, changes, by),
    rotateKey: async (key, rotation, by) => await opened().rotateKey(key, rotation, by),
    removeKey: async (key, by) => await opened().removeKey(key, by),
    createToken: async (token, by) => await opened().createToken(token, by),
    removeToken: async (token, by) => await opened().removeToken(token, by),
    putUpstream: async (upstream, by) => await opened().putUpstream(upstream, by),
    repepper: async (owner, repeppering) => await opened().repepper(owner, repeppering),
    catchUp: async () => await opened().catchUp()
  }
}

function isAbsence (cause: unknown): boolean {
  return cause instanceof GatewayError && cause.kind === 'store_unavailable'
}
