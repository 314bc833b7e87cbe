import { compareTrees, type TreeDifference } from './compare-trees.ts'
import type { TreeFile } from '../storage/model.ts'
import type { Exchange } from './env.ts'
import { findTree } from './find-tree.ts'
import { IMMUTABLE, REVALIDATE } from './headers.ts'
import { LazyOptions } from './lazy-options.ts'
import { sendText } from './listings.ts'
import type { Repository } from './repository.ts'
import type { NamedTree } from './tree-address.ts'

/** Sends what is added, removed and changed from one tree to another. */
export async function sendDiff(
  c: Exchange,
  repository: Repository,
  { from, to }: { readonly from: NamedTree; readonly to: NamedTree },
): Promise<Response> {
  const options = new LazyOptions(c)
  const [before, after] = await Promise.all([findTree(repository, from, options), findTree(repository, to, options)])
  const difference = compareTrees(before.tree, after.tree)
  const body = { from: `blake3:${before.tree.id}`, to: `blake3:${after.tree.id}`, ...renderDifference(difference) }
  const areIds = from.name.algorithm === 'blake3' && to.name.algorithm === 'blake3'
  return sendText(c, `${JSON.stringify(body)}\n`, {
    contentType: 'application/json',
    cacheControl: areIds ? IMMUTABLE : REVALIDATE,
  })
}

function renderDifference({ added, removed, changed, modeChanged, emptyDirectories }: TreeDifference): object {
  return {
    added: added.map(renderFile),
    removed: removed.map(renderFile),
    changed: changed.map(({ path, from, to }) => ({ path, from: renderFile(from), to: renderFile(to) })),
    modeChanged: modeChanged.map(renderFile),
    emptyDirectories,
  }
}

function renderFile(file: Omit<TreeFile, 'path'>): object {
  return { ...file, blake3: `blake3:${file.blake3}` }
}
