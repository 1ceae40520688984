/** Lets everything else that waits have its turn between two pieces of long work. */
export async function nextTurn (): Promise<void> {
  await new Promise<void>((resolve) => { setImmediate(resolve) })
}
