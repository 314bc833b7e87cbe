import { andThen, type AtHand } from '../storage/at-hand.ts'
import type { Blake3 } from '../storage/digest.ts'
import { notFound, RouteError } from './errors.ts'
import { IMMUTABLE, REVALIDATE } from './headers.ts'
import type { Manifest, Repository } from './repository.ts'
import type { NamedTree } from './tree-address.ts'
import type { TreeAlias, TreeName } from './tree-name.ts'

/** Finds a tree by its id or an alias. Throws or rejects with a {@link RouteError}: there is none (404), or an alias means several (409). */
export function findTree(repository: Repository, tree: NamedTree): AtHand<Manifest> {
  return andThen(findTreeId(repository, tree), (id) =>
    andThen(repository.findManifest(id), (manifest) => {
      if (manifest === undefined) throw notFound(`tree ${tree.text}`)
      return manifest
    }),
  )
}

/** The id of the tree that a name means. An id is not looked up: there may be no such tree. Rejects as {@link findTree} where an alias fails. */
export function findTreeId(repository: Repository, { name, text }: NamedTree): AtHand<Blake3> {
  return name.algorithm === 'blake3' ? name.hex : findIdByAlias(repository, name, text)
}

async function findIdByAlias(repository: Repository, alias: TreeAlias, text: string): Promise<Blake3> {
  const ids = await repository.findTreeIds(alias)
  const [id] = ids
  if (id === undefined) throw notFound(`tree ${text}`)
  if (ids.length > 1) {
    throw new RouteError('ERR_AMBIGUOUS', `${ids.length} trees have this name, which differ in executable bits.`, {
      extensions: { trees: ids.map((each) => `blake3:${each}`) },
    })
  }
  return id
}

/** What is found by an alias may be another tree tomorrow, or several. */
export function cacheControlOf(name: TreeName): string {
  return name.algorithm === 'blake3' ? IMMUTABLE : REVALIDATE
}
