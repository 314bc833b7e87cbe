import { Pace } from '../storage/pace.ts'

/** Renders each of many, `separator` between them; a long list in turns with others. */
export async function renderList<Item>(
  items: readonly Item[],
  separator: string,
  render: (item: Item) => string,
): Promise<string> {
  const pace = new Pace()
  const texts: string[] = []
  for (const [place, item] of items.entries()) {
    texts.push(render(item))
    if (place % 1000 === 0 && pace.isDue) await pace.rest()
  }
  return texts.join(separator)
}
