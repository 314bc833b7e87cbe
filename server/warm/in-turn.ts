/**
 * Does something with each of many, some at a time, until the signal: what runs then is not waited for, and what it comes to is
 * nobody's concern any more. Rejects as soon as one does.
 */
export async function forEachOf<Item>(
  items: Iterable<Item>,
  { concurrency, signal }: { readonly concurrency: number; readonly signal: AbortSignal },
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => stop(), { once: true })
  const rest = items[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true && !signal.aborted; next = rest.next()) await work(next.value)
  }
  const done = Promise.all(Array.from({ length: concurrency }, worker))
  done.catch(() => {}) // After the signal.
  if (signal.aborted) return
  await Promise.race([done, stopped])
}
