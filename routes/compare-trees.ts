import type { Tree, TreeFile } from '../storage/model.ts'
import type { TreePath } from '../storage/names.ts'
import { Pace } from '../storage/pace.ts'
import { compareUtf8 } from '../storage/tree-path.ts'

/** What it takes to turn one tree into another. */
export interface TreeDifference {
  readonly added: readonly TreeFile[]
  readonly removed: readonly TreeFile[]
  /** Other bytes, whatever their executable bits. */
  readonly changed: readonly ChangedFile[]
  /** The same bytes, but another executable bit: `executable` is that of the second tree. */
  readonly modeChanged: readonly TreeFile[]
  readonly emptyDirectories: { readonly added: readonly TreePath[]; readonly removed: readonly TreePath[] }
}

export interface ChangedFile {
  readonly path: TreePath
  readonly from: Omit<TreeFile, 'path'>
  readonly to: Omit<TreeFile, 'path'>
}

const NOTHING: TreeDifference = {
  added: [],
  removed: [],
  changed: [],
  modeChanged: [],
  emptyDirectories: { added: [], removed: [] },
}

/** All lists are sorted as manifests are. Large trees are compared in turns with others. */
export async function compareTrees(from: Tree, to: Tree): Promise<TreeDifference> {
  if (from.id === to.id) return NOTHING
  const pace = new Pace()
  const added: TreeFile[] = []
  const removed: TreeFile[] = []
  const changed: ChangedFile[] = []
  const modeChanged: TreeFile[] = []
  for (const [left, right] of pair(from.files, to.files)) {
    if (left === undefined && right !== undefined) added.push(right)
    else if (left !== undefined && right === undefined) removed.push(left)
    else if (left !== undefined && right !== undefined) {
      if (left.blake3 !== right.blake3) changed.push(describeChange(left, right))
      else if (left.executable !== right.executable) modeChanged.push(right)
    }
    if (pace.isDue) await pace.rest()
  }
  const before = new Set(from.emptyDirectories)
  const after = new Set(to.emptyDirectories)
  const emptyDirectories = {
    added: to.emptyDirectories.filter((path) => !before.has(path)),
    removed: from.emptyDirectories.filter((path) => !after.has(path)),
  }
  return { added, removed, changed, modeChanged, emptyDirectories }
}

/** Two sorted lists, side by side. */
function* pair(
  left: readonly TreeFile[],
  right: readonly TreeFile[],
): Generator<readonly [left: TreeFile | undefined, right: TreeFile | undefined]> {
  let l = 0
  let r = 0
  while (l < left.length || r < right.length) {
    const order = orderOf(left[l], right[r])
    yield [order <= 0 ? left[l] : undefined, order >= 0 ? right[r] : undefined]
    if (order <= 0) l += 1
    if (order >= 0) r += 1
  }
}

/** By path; a list that is over comes after all of the other. */
function orderOf(left: TreeFile | undefined, right: TreeFile | undefined): number {
  if (left === undefined) return 1
  return right === undefined ? -1 : compareUtf8(left.path, right.path)
}

function describeChange(from: TreeFile, to: TreeFile): ChangedFile {
  return { path: to.path, from: contentOf(from), to: contentOf(to) }
}

function contentOf({ size, blake3, executable }: TreeFile): Omit<TreeFile, 'path'> {
  return { size, blake3, executable }
}
