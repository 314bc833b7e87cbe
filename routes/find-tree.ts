import { andThen, type AtHand } from '../storage/at-hand.ts'
import type { Blake3 } from '../storage/digest.ts'
import { notFound, RouteError } from './errors.ts'
import { IMMUTABLE, REVALIDATE } from './headers.ts'
import type { Manifest, Repository, RequestOptions } from './repository.ts'
import type { NamedTree } from './tree-address.ts'
import type { TreeAlias, TreeName } from './tree-name.ts'

/** A tree by a name of its own or of others; throws or rejects where there is none, or where an alias means several. */
export function findTree(repository: Repository, tree: NamedTree, options: RequestOptions): AtHand<Manifest> {
  return andThen(findTreeId(repository, tree, options), (id) =>
    andThen(repository.findManifest(id, options), (manifest) => {
      if (manifest === undefined) throw notFound(`tree ${tree.text}`)
      return manifest
    }),
  )
}

/** The id of the one tree that a name means; whether there is one is not asked where it is an id. Rejects likewise. */
export function findTreeId(repository: Repository, tree: NamedTree, options: RequestOptions): AtHand<Blake3> {
  const { name, text } = tree
  return name.algorithm === 'blake3' ? name.hex : findIdByAlias(repository, name, { text, options })
}

async function findIdByAlias(
  repository: Repository,
  alias: TreeAlias,
  { text, options }: { readonly text: string; readonly options: RequestOptions },
): Promise<Blake3> {
  const ids = await repository.findTreeIds(alias, options)
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
