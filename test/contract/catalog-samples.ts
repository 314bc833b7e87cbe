import type { UnpackedTree } from '../../storage/catalog/catalog.ts'
import { hashBlake3, hashSha256, type Blake3, type Sha256 } from '../../storage/digest.ts'
import type { Distribution, Place, ProjectPage, Sighting, StoredPage } from '../../storage/model.ts'
import { parseFilename, parseIndexName, parseProjectName } from '../../storage/names.ts'

export const INDEX = parseIndexName('pypi')

/** The digest of a text stands for bytes of any size: a catalog never sees them. */
export function blake3Of(text: string): Blake3 {
  return hashBlake3(Buffer.from(text))
}

export function sha256Of(text: string): Sha256 {
  return hashSha256(Buffer.from(text))
}

export function distributionOf(name: string, { size = 100, storedAt = 1000 } = {}): Distribution {
  return { blake3: blake3Of(name), sha256: sha256Of(name), size, storedAt }
}

export function sightingOf(filename: string, { index = 'pypi', project = 'spam' } = {}): Sighting {
  return {
    index: parseIndexName(index),
    project: parseProjectName(project),
    filename: parseFilename(filename),
  }
}

export const WHEEL = sightingOf('spam-1.0-py3-none-any.whl')
export const SDIST = sightingOf('spam-1.0.tar.gz')

/** Sizes by name: new blobs with files of their own, new slices of the tree's one pack, and blobs that are stored already. */
export interface TreeSample {
  readonly files?: Readonly<Record<string, number>>
  readonly slices?: Readonly<Record<string, number>>
  readonly stored?: readonly string[]
  readonly dirhash?: string
  /** The pack's name, where it is not to be `pack of …`. */
  readonly packName?: string
}

export const MANIFEST_SIZE = 7

/** A tree `name` as unpacking makes it: its manifest is `manifest of name`, in the pack `pack of name`. */
export function unpackedOf(name: string, sample: TreeSample): UnpackedTree {
  const { files = {}, slices = {}, stored = [], dirhash, packName = `pack of ${name}` } = sample
  const pack = blake3Of(packName)
  const packed = { ...slices, [`manifest of ${name}`]: MANIFEST_SIZE }
  const placed: [Blake3, Place][] = []
  let offset = 0
  for (const [slice, size] of Object.entries(packed)) {
    placed.push([blake3Of(slice), { kind: 'packed', pack, offset, size }])
    offset += size
  }
  placed.push([pack, { kind: 'file', size: offset }])
  for (const [file, size] of Object.entries(files)) placed.push([blake3Of(file), { kind: 'file', size }])
  const names = [...Object.keys(files), ...Object.keys(packed), ...stored]
  return {
    tree: {
      id: blake3Of(`manifest of ${name}`),
      dirhash: blake3Of(dirhash ?? `dirhash of ${name}`),
      archiveId: `archive-of-${dirhash ?? name}`,
      fileCount: names.length - 1,
      size: offset - MANIFEST_SIZE + Object.values(files).reduce((sum, size) => sum + size, 0),
    },
    record: 'ok',
    blobs: names.map(blake3Of),
    placed,
  }
}

export function storedPageOf(
  project: string,
  { fetchedAt = 1000, page }: { readonly fetchedAt?: number; readonly page?: Partial<ProjectPage> } = {},
): StoredPage {
  const name = parseProjectName(project)
  return {
    index: INDEX,
    project: name,
    page: { project: name, files: [], ...page },
    source: 'https://index.example/simple/',
    etag: '"1"',
    lastModified: undefined,
    fetchedAt,
  }
}

export const REFUSAL = {
  kind: 'refused',
  reason: 'overlap',
  detail: 'two members overlap',
  path: 'spam/__init__.py',
  policy: 1,
} as const
