import { MalformedError } from '../storage/errors.ts'
import type { TreePath } from '../storage/names.ts'

/**
 * The rest of a URL's path, decoded, as a path inside a tree. Which paths a tree may have is decided where it is made; here it is enough
 * that nothing in it means anything but a name. Throws {@link MalformedError}.
 */
export function parseTreePath(segments: readonly string[]): TreePath {
  const path = segments.join('/')
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw new MalformedError('path in a tree', path, 'no component is empty, "." or ".."')
  }
  return path as TreePath
}
