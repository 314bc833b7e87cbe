import type { ListedFile, PageName } from '../storage/model.ts'
import { LIST_VERSION, offeredFiles, versionOf } from './api-version.ts'
import { completeVersions } from './complete-versions.ts'
import { chooseHash } from './listed-hash.ts'
import type { PageSnapshot, ProjectListSnapshot } from './repository.ts'
import { formatFilePath } from './urls.ts'

/** So many files (or names) are one piece of a rendering: a millisecond or so of work. */
const PER_PIECE = 200

type MetadataKeys = readonly ('core-metadata' | 'dist-info-metadata')[]

/** PEP 714: the key, and what it was called before. */
const METADATA_KEYS: MetadataKeys = ['core-metadata', 'dist-info-metadata']

/**
 * A project page as PEP 691 JSON, in pieces, so that others may have their turn between them. `toRoot` leads from the
 * page's URL to the root, as a relative URL.
 */
export function* renderJsonPage(
  { index, page }: PageSnapshot,
  toRoot: string,
  metadataKeys: MetadataKeys = METADATA_KEYS,
): Generator<string> {
  const offered = { ...page, files: offeredFiles(page) }
  const head = JSON.stringify({
    ...page.extra,
    meta: { ...page.extraMeta, 'api-version': versionOf(offered) },
    name: page.project,
    'project-status': page.projectStatus,
    versions: completeVersions(offered),
  })
  yield `${head.slice(0, -1)},"files":[`
  const place = { index, project: page.project }
  yield* joinInPieces(offered.files, (file) => {
    return { ...describeFile(place, file, toRoot), ...describeMetadata(file, metadataKeys) }
  })
  yield ']}\n'
}

/** The list of an index's projects, likewise. */
export function* renderJsonList({ projects }: ProjectListSnapshot): Generator<string> {
  yield `{"meta":{"api-version":"${LIST_VERSION}"},"projects":[`
  yield* joinInPieces(projects, (name) => ({ name }))
  yield ']}\n'
}

/** Fields that are undefined do not get into JSON: null would cost uv the whole page (B4). */
function describeFile(page: PageName, file: ListedFile, toRoot: string): Record<string, unknown> {
  return {
    ...file.extra,
    filename: file.filename,
    url: toRoot + formatFilePath(page, file),
    hashes: chooseHash(file.hashes),
    'requires-python': file.requiresPython,
    size: file.size,
    'upload-time': file.uploadTime,
    yanked: file.yanked ?? false,
    provenance: file.provenance,
  }
}

function describeMetadata({ coreMetadata }: ListedFile, keys: MetadataKeys): Record<string, unknown> {
  if (coreMetadata === undefined) return {}
  const hash = coreMetadata === true ? {} : chooseHash(coreMetadata)
  // Without a hash that anybody knows, the fact alone.
  const value = Object.keys(hash).length === 0 ? true : hash
  return Object.fromEntries(keys.map((key) => [key, value]))
}

function* joinInPieces<Item>(items: readonly Item[], describe: (item: Item) => object): Generator<string> {
  for (let start = 0; start < items.length; start += PER_PIECE) {
    const piece = items.slice(start, start + PER_PIECE).map((item) => describe(item))
    yield (start === 0 ? '' : ',') + JSON.stringify(piece).slice(1, -1)
  }
}
