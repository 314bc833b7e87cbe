import { type Blake3, hashBlake3, parseBlake3 } from './digest.ts'
import { hashDirectory } from './dirhash.ts'
import { MalformedError } from './errors.ts'
import type { Tree, TreeFile } from './model.ts'
import type { TreePath } from './names.ts'
import { compareUtf8, parseTreePath } from './tree-path.ts'

const FORMAT = 'arbor-tree-1'

/** A tree with the canonical bytes that its id is the BLAKE3 of. */
export interface TreeWithManifest {
  readonly tree: Tree
  readonly manifest: Buffer
}

/**
 * Makes a tree of files and of the directories that are to exist beside theirs, in any order. The paths must be distinct, and no file a
 * directory.
 */
export function createTree(files: readonly TreeFile[], directories: readonly TreePath[]): TreeWithManifest {
  const sorted = files.toSorted((a, b) => compareUtf8(a.path, b.path))
  const content = { ...hashDirectory({ files, directories }), files: sorted }
  const manifest = encodeManifest(content)
  return { tree: { id: hashBlake3(manifest), ...content }, manifest }
}

/**
 * The canonical bytes of a tree, whose files and directories are sorted (ARCHITECTURE.md, identity): JSON in UTF-8, without white
 * space, with one line feed at the end.
 */
export function encodeManifest(tree: Omit<Tree, 'id'>): Buffer {
  const files = tree.files.map(
    ({ path, size, blake3, executable }) =>
      `{"path":${JSON.stringify(path)},"size":${size},"blake3":"${blake3}","executable":${executable}}`,
  )
  const directories = tree.emptyDirectories.map((path) => JSON.stringify(path))
  return Buffer.from(
    `{"format":"${FORMAT}","dirhash":"${tree.dirhash}","files":[${files.join(',')}],"emptyDirectories":[${directories.join(',')}]}\n`,
  )
}

/** Reads a manifest; the tree's id is that of these very bytes. Throws {@link MalformedError} for anything but the canonical form. */
export function parseManifest(bytes: Uint8Array): Tree {
  const value = parseJson(bytes)
  if (!isRecord(value) || value['format'] !== FORMAT) throw malformed(`its format is not ${FORMAT}`)
  const { dirhash, files, emptyDirectories } = value
  if (!Array.isArray(files) || !Array.isArray(emptyDirectories))
    throw malformed('it has no list of files or directories')
  const content = {
    dirhash: parseBlake3(asText(dirhash)),
    files: files.map(parseFile),
    emptyDirectories: emptyDirectories.map((path: unknown) => parseTreePath(asText(path))),
  }
  // Also says that the keys are these and no others, and in this order.
  if (!encodeManifest(content).equals(bytes)) throw malformed('it is not canonical')
  assertSorted(content.files.map(({ path }) => path))
  assertSorted(content.emptyDirectories)
  return { id: hashBlake3(bytes), ...content }
}

function parseFile(value: unknown): TreeFile {
  if (!isRecord(value)) throw malformed('a file is not an object')
  const { path, size, blake3, executable } = value
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw malformed('a size is not a number of bytes')
  if (typeof executable !== 'boolean') throw malformed('an executable bit is not a boolean')
  const digest: Blake3 = parseBlake3(asText(blake3))
  return { path: parseTreePath(asText(path)), size: size as number, blake3: digest, executable }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
  } catch (error) {
    throw Object.assign(malformed('it is not JSON'), { cause: error })
  }
}

function assertSorted(paths: readonly string[]): void {
  const isSorted = paths.every((path, index) => index === 0 || compareUtf8(paths[index - 1] ?? '', path) < 0)
  if (!isSorted) throw malformed('its paths are not sorted')
}

function asText(value: unknown): string {
  if (typeof value !== 'string') throw malformed('a value is not a string')
  return value
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function malformed(rule: string): MalformedError {
  return new MalformedError('manifest', '{…}', rule)
}
