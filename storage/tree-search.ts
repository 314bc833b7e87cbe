import type { TreeFile } from './model.ts'
import { compareUtf8 } from './tree-path.ts'

/** Where a path is among the files of a tree, which are sorted, or would be: the first that does not come before it. */
export function searchFiles(files: readonly TreeFile[], path: string): number {
  let low = 0
  for (let high = files.length; low < high;) {
    const middle = (low + high) >>> 1
    if (compareUtf8(files[middle]?.path ?? '', path) < 0) low = middle + 1
    else high = middle
  }
  return low
}
