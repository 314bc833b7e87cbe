import type { TreeFile } from '../storage/model.ts'
import { type ChangedFile, compareTrees, type TreeDifference } from './compare-trees.ts'
import type { Exchange } from './env.ts'
import { findTree } from './find-tree.ts'
import { IMMUTABLE, REVALIDATE } from './headers.ts'
import { renderList } from './render-list.ts'
import type { Repository } from './repository.ts'
import { sendText } from './send-text.ts'
import type { NamedTree } from './tree-address.ts'

/** Sends what is added, removed and changed from one tree to another. */
export async function sendDiff(
  c: Exchange,
  repository: Repository,
  { from, to }: { readonly from: NamedTree; readonly to: NamedTree },
): Promise<Response> {
  const [before, after] = await Promise.all([findTree(repository, from), findTree(repository, to)])
  const ids = JSON.stringify({ from: `blake3:${before.tree.id}`, to: `blake3:${after.tree.id}` })
  const difference = await renderDifference(await compareTrees(before.tree, after.tree))
  const areIds = from.name.algorithm === 'blake3' && to.name.algorithm === 'blake3'
  return sendText(c, `${ids.slice(0, -1)},${difference}}\n`, {
    contentType: 'application/json',
    cacheControl: areIds ? IMMUTABLE : REVALIDATE,
  })
}

/** What stands between the braces of an object. */
async function renderDifference(difference: TreeDifference): Promise<string> {
  const { added, removed, changed, modeChanged, emptyDirectories } = difference
  const lists = {
    added: await renderList(added, ',', renderFile),
    removed: await renderList(removed, ',', renderFile),
    changed: await renderList(changed, ',', renderChange),
    modeChanged: await renderList(modeChanged, ',', renderFile),
  }
  const members = Object.entries(lists).map(([name, list]) => `"${name}":[${list}]`)
  return [...members, `"emptyDirectories":${JSON.stringify(emptyDirectories)}`].join(',')
}

function renderFile(file: Omit<TreeFile, 'path'>): string {
  return JSON.stringify({ ...file, blake3: `blake3:${file.blake3}` })
}

function renderChange({ path, from, to }: ChangedFile): string {
  return `{"path":${JSON.stringify(path)},"from":${renderFile(from)},"to":${renderFile(to)}}`
}
