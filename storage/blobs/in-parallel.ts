/** Of the few threads that node has for disk work, those that work of one kind may fill. */
export const DISK_WIDTH = 2

/**
 * Runs `task` for each item, at most `width` at a time, all of them even if some fail, and then throws the first error. Disk work
 * of one kind must leave threads of the pool free for those who read.
 */
export async function inParallel<Item>(
  items: Iterable<Item>,
  width: number,
  task: (item: Item) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = []
  const queue = items[Symbol.iterator]()
  const work = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      await task(next.value).catch((error: unknown) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: width }, work))
  if (failures.length > 0) throw failures[0]
}
