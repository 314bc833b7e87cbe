import { type Blake3, hashBlake3, parseBlake3 } from './digest.ts'
import { hashDirectory } from './dirhash.ts'
import { MalformedError } from './errors.ts'
import type { Tree, TreeFile } from './model.ts'
import type { TreePath } from './names.ts'
import { Pace } from './pace.ts'
import { compareUtf8, parseTreePath } from './tree-path.ts'

const FORMAT = 'arbor-tree-1'
/** How much of a manifest is parsed before others may have a turn, bytes: some two milliseconds. */
const STRETCH_BYTES = 128 << 10
/** No string holds any of these in canonical JSON, which escapes its quotes: so the bytes can be cut there. */
const FILES_START = ',"files":['
const FILES_END = '],"emptyDirectories":['
const BETWEEN_FILES = '},{"path":'

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
 * The canonical bytes of a tree, whose files and directories are sorted (openapi.yaml, Manifest): JSON in UTF-8, without white
 * space, with one line feed at the end.
 */
export function encodeManifest(tree: Omit<Tree, 'id'>): Buffer {
  const directories = tree.emptyDirectories.map((path) => JSON.stringify(path))
  return Buffer.from(
    `{"format":"${FORMAT}","dirhash":"${tree.dirhash}","files":[${encodeFiles(tree.files)}],"emptyDirectories":[${directories.join(',')}]}\n`,
  )
}

function encodeFiles(files: readonly TreeFile[]): string {
  return files
    .map(
      ({ path, size, blake3, executable }) =>
        `{"path":${JSON.stringify(path)},"size":${size},"blake3":"${blake3}","executable":${executable}}`,
    )
    .join(',')
}

/**
 * Reads a manifest, a large one in turns with others; the tree's id is that of these very bytes. Rejects with {@link MalformedError} for
 * anything but the canonical form.
 */
export async function parseManifest(bytes: Uint8Array): Promise<Tree> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = text.indexOf(FILES_START) + FILES_START.length
  const end = text.lastIndexOf(FILES_END)
  if (start < FILES_START.length || end < start) throw malformed('it has no list of files or directories')
  const frame = parseFrame(Buffer.concat([text.subarray(0, start), text.subarray(end)]))
  const files: TreeFile[] = []
  const pace = new Pace()
  for (let position = start; position < end;) {
    const cut = text.indexOf(BETWEEN_FILES, position + STRETCH_BYTES)
    const stop = cut === -1 ? end : cut + 1
    for (const file of parseFiles(text.subarray(position, stop))) {
      assertAfter(file.path, files.at(-1)?.path)
      files.push(file)
    }
    position = stop + 1
    if (pace.isDue) await pace.rest()
  }
  return { id: hashBlake3(bytes), ...frame, files }
}

/** All of a manifest but its files. */
function parseFrame(bytes: Buffer): Omit<Tree, 'id' | 'files'> {
  const value = parseJson(bytes.toString())
  if (!isRecord(value) || value['format'] !== FORMAT) throw malformed(`its format is not ${FORMAT}`)
  const { dirhash, emptyDirectories } = value
  if (!Array.isArray(emptyDirectories)) throw malformed('it has no list of files or directories')
  const frame = {
    dirhash: parseBlake3(asText(dirhash)),
    emptyDirectories: emptyDirectories.map((path: unknown) => parseTreePath(asText(path))),
  }
  // Also says that the keys are these and no others, and in this order.
  if (!encodeManifest({ ...frame, files: [] }).equals(bytes)) throw malformed('it is not canonical')
  for (const [index, path] of frame.emptyDirectories.entries()) assertAfter(path, frame.emptyDirectories[index - 1])
  return frame
}

function parseFiles(bytes: Buffer): TreeFile[] {
  const value = parseJson(`[${bytes.toString()}]`)
  const files = Array.isArray(value) ? value.map(parseFile) : []
  if (!Buffer.from(encodeFiles(files)).equals(bytes)) throw malformed('it is not canonical')
  return files
}

function parseFile(value: unknown): TreeFile {
  if (!isRecord(value)) throw malformed('a file is not an object')
  const { path, size, blake3, executable } = value
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw malformed('a size is not a number of bytes')
  if (typeof executable !== 'boolean') throw malformed('an executable bit is not a boolean')
  const digest: Blake3 = parseBlake3(asText(blake3))
  return { path: parseTreePath(asText(path)), size: size as number, blake3: digest, executable }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw Object.assign(malformed('it is not JSON'), { cause: error })
  }
}

function assertAfter(path: TreePath, previous: TreePath | undefined): void {
  if (previous !== undefined && compareUtf8(previous, path) >= 0) throw malformed('its paths are not sorted')
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
