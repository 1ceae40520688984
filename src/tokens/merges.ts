import { FIRST_MERGED_ID, NO_PAIR, pairValue } from './table.ts'
import type { PairTable, TokenTable } from './table.ts'

/** Above this size the scan for the lowest rank, which is quadratic, costs more than the bookkeeping of the buckets. */
const SCANNED_BYTES_MAX = 128

const scanIds = new Int32Array(SCANNED_BYTES_MAX)
const scanRanks = new Int32Array(SCANNED_BYTES_MAX)

/**
 * How many tokens the first `size` bytes of one piece merge into: again and again the pair of the lowest rank is merged,
 * the leftmost one first, until no pair has a rank.
 */
export function mergedCount (bytes: Uint8Array, size: number, table: TokenTable): number {
  if (size < 2) return size
  return size <= SCANNED_BYTES_MAX ? scannedCount(bytes, size, table.merges) : bucketedCount(bytes, size, table)
}

function scannedCount (bytes: Uint8Array, size: number, merges: PairTable): number {
  const ids = scanIds
  const ranks = scanRanks
  for (let index = 0; index < size; index++) ids[index] = bytes[index]!
  for (let index = 0; index < size - 1; index++) ranks[index] = pairValue(merges, ids[index]!, ids[index + 1]!)
  let count = size
  while (count > 1) {
    let lowest: number = NO_PAIR
    let at = 0
    for (let index = 0; index < count - 1; index++) {
      if (ranks[index]! < lowest) {
        lowest = ranks[index]!
        at = index
      }
    }
    if (lowest === NO_PAIR) break
    count--
    ids[at] = FIRST_MERGED_ID + lowest
    for (let index = at + 1; index < count; index++) {
      ids[index] = ids[index + 1]!
      ranks[index] = ranks[index + 1]!
    }
    if (at > 0) ranks[at - 1] = pairValue(merges, ids[at - 1]!, ids[at]!)
    if (at < count - 1) ranks[at] = pairValue(merges, ids[at]!, ids[at + 1]!)
  }
  return count
}

/** The neighbours and the rank of every token of a long piece; a token is named by the place of its first byte. */
interface Chain {
  readonly ids: Int32Array
  readonly ranks: Int32Array
  readonly next: Int32Array
  readonly previous: Int32Array
}

/**
 * The same in about linear time. A pair that holds a merged token always ranks above the merge that made the token, so
 * ranks can be worked off in ascending order, each with every place where it is found, and no pair is ever missed.
 */
function bucketedCount (bytes: Uint8Array, size: number, table: TokenTable): number {
  const chain = chainOf(bytes, size)
  const buckets = createBuckets(table.mergesCount, size)
  const rankAt = (place: number): void => {
    const next = chain.next[place]!
    const rank = next < size ? pairValue(table.merges, chain.ids[place]!, chain.ids[next]!) : NO_PAIR
    chain.ranks[place] = rank
    if (rank !== NO_PAIR) buckets.add(rank, place)
  }
  for (let place = 0; place < size - 1; place++) rankAt(place)
  let count = size
  for (let rank = buckets.nextRank(0); rank >= 0; rank = buckets.nextRank(rank)) {
    for (const place of buckets.take(rank)) {
      if (chain.ranks[place] !== rank) continue
      mergeAt(chain, place, FIRST_MERGED_ID + rank)
      if (place > 0) rankAt(chain.previous[place]!)
      rankAt(place)
      count--
    }
  }
  return count
}

function chainOf (bytes: Uint8Array, size: number): Chain {
  const chain = {
    ids: new Int32Array(size),
    ranks: new Int32Array(size).fill(NO_PAIR),
    next: new Int32Array(size),
    previous: new Int32Array(size)
  }
  for (let place = 0; place < size; place++) {
    chain.ids[place] = bytes[place]!
    chain.next[place] = place + 1
    chain.previous[place] = place - 1
  }
  return chain
}

function mergeAt (chain: Chain, place: number, id: number): void {
  const swallowed = chain.next[place]!
  const following = chain.next[swallowed]!
  chain.ids[place] = id
  chain.ranks[swallowed] = NO_PAIR
  chain.next[place] = following
  if (following < chain.next.length) chain.previous[following] = place
}

interface Buckets {
  readonly add: (rank: number, place: number) => void
  /** The lowest rank from `from` on that has places, or -1. */
  readonly nextRank: (from: number) => number
  /** Empties one bucket: its places from left to right, some of them stale. Valid until the next call. */
  readonly take: (rank: number) => Int32Array
}

let heads = new Int32Array(0)
let pending = new Uint32Array(0)

/**
 * Places by rank: linked lists in one pool, and a bit per rank that has any. The arrays as long as the vocabulary are
 * shared by all calls: whoever takes every bucket leaves them empty. A merge takes one pair and adds at most two.
 */
function createBuckets (ranksCount: number, pieceBytes: number): Buckets {
  if (heads.length < ranksCount) {
    heads = new Int32Array(ranksCount)
    pending = new Uint32Array((ranksCount >>> 5) + 1)
  }
  const places = new Int32Array(pieceBytes * 3)
  const links = new Int32Array(pieceBytes * 3)
  const taken = new Int32Array(pieceBytes)
  let used = 0
  return {
    add (rank, place) {
      places[++used] = place
      links[used] = heads[rank]!
      heads[rank] = used
      pending[rank >>> 5]! |= 1 << (rank & 31)
    },
    nextRank (from) {
      for (let word = from >>> 5; word < pending.length; word++) {
        const bits = pending[word]!
        if (bits !== 0) return word * 32 + 31 - Math.clz32(bits & -bits)
      }
      return -1
    },
    take (rank) {
      let size = 0
      let descending = true
      for (let entry = heads[rank]!; entry !== 0; entry = links[entry]!) {
        taken[size] = places[entry]!
        if (size > 0 && taken[size]! > taken[size - 1]!) descending = false
        size++
      }
      heads[rank] = 0
      pending[rank >>> 5]! &= ~(1 << (rank & 31))
      const bucket = taken.subarray(0, size)
      return descending ? bucket.reverse() : bucket.sort()
    }
  }
}
