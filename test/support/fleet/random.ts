/** Numbers in [0, 1), the same ones for the same seed: mulberry32. */
export function randomFrom (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6D2B79F5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One of several, all equally likely. */
export function among<T> (choices: readonly T[], random: () => number): T {
  return choices[Math.floor(random() * choices.length)] as T
}
