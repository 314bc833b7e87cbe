import type { Blake3 } from '../storage/digest.ts'
import { notFound, RouteError } from './errors.ts'
import { IMMUTABLE, REVALIDATE } from './headers.ts'
import type { Manifest, Repository, RequestOptions } from './repository.ts'
import type { TreeName } from './tree-name.ts'

/** A tree by a name of its own or of others; throws where there is none, or where an alias means several. */
export async function findTree(
  repository: Repository,
  { name, text }: { readonly name: TreeName; readonly text: string },
  options: RequestOptions,
): Promise<Manifest> {
  const id = name.algorithm === 'blake3' ? name.hex : await findTreeId(repository, { name, text }, options)
  const manifest = await repository.findManifest(id, options)
  if (manifest === undefined) throw notFound(`tree ${text}`)
  return manifest
}

/** The id of the one tree that a name means; whether there is one is not asked where it is an id. Throws likewise. */
export async function findTreeId(
  repository: Repository,
  { name, text }: { readonly name: TreeName; readonly text: string },
  options: RequestOptions,
): Promise<Blake3> {
  if (name.algorithm === 'blake3') return name.hex
  const ids = await repository.findTreeIds(name, options)
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
