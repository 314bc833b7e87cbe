import type { TreePath } from '../storage/names.ts'
import { parseTreePath } from '../storage/tree-path.ts'
import { splitArchiveName } from './archives.ts'
import { parsePath } from './path.ts'
import type { ArchiveForm } from './repository.ts'
import { isTreeName, parseTreeName, type TreeName } from './tree-name.ts'

/** A tree as a URL names it. */
export interface NamedTree {
  readonly name: TreeName
  /** As it stands in the URL. */
  readonly text: string
}

/** What a URL below `/trees/` names. */
export type TreeAddress =
  | (NamedTree & { readonly kind: 'manifest' })
  | (NamedTree & { readonly kind: 'archive'; readonly form: ArchiveForm })
  | (NamedTree & { readonly kind: 'directory'; readonly path: TreePath | '' })
  | (NamedTree & { readonly kind: 'file'; readonly path: TreePath })
  | { readonly kind: 'diff'; readonly from: NamedTree; readonly to: NamedTree }

/** Throws {@link MalformedError}. */
export function parseTreeAddress(url: string): TreeAddress {
  const [, first = '', ...segments] = parsePath(url)
  const [segment, other = ''] = segments
  if (segment === undefined) {
    const { text, form } = splitArchiveName(first)
    const tree = parseNamedTree(text)
    return form === undefined ? { kind: 'manifest', ...tree } : { kind: 'archive', ...tree, form }
  }
  const tree = parseNamedTree(first)
  if (segments.at(-1) === '') {
    const path = segments.length === 1 ? '' : parseTreePath(segments.slice(0, -1).join('/'))
    return { kind: 'directory', ...tree, path }
  }
  if (segments.length === 2 && segment === 'diff' && isTreeName(other)) {
    return { kind: 'diff', from: tree, to: parseNamedTree(other) }
  }
  return { kind: 'file', ...tree, path: parseTreePath(segments.join('/')) }
}

function parseNamedTree(text: string): NamedTree {
  return { name: parseTreeName(text), text }
}
