/**
 * Does `work` for each item, `concurrency` of them at a time. Rejects as soon as one fails. Resolves at once when the signal is aborted: no
 * further item is begun, work that runs goes on without being waited for, and its errors are ignored.
 */
export async function forEachConcurrently<Item>(
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
  done.catch(() => {}) // Nobody handles a failure that comes after the signal.
  if (signal.aborted) return
  await Promise.race([done, stopped])
}
