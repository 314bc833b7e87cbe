import type { ListedFile } from '../storage/model.ts'
import type { IndexName } from '../storage/names.ts'
import { LIST_VERSION, offeredFiles, versionOf } from './api-version.ts'
import { completeVersions } from './complete-versions.ts'
import { chooseHash } from './listed-hash.ts'
import type { PageSnapshot, ProjectListSnapshot } from './repository.ts'
import { formatFilePath } from './urls.ts'

/** So many files (or names) are one piece of a rendering: a millisecond or so of work. */
const PER_PIECE = 200

/**
 * A project page as PEP 691 JSON, in pieces, so that others may have their turn between them. `toRoot` leads from the
 * page's URL to the root, as a relative URL.
 */
export function* renderJsonPage({ index, page }: PageSnapshot, toRoot: string): Generator<string> {
  const offered = { ...page, files: offeredFiles(page) }
  const head = JSON.stringify({
    ...page.extra,
    meta: { ...page.extraMeta, 'api-version': versionOf(offered) },
    name: page.project,
    'project-status': page.projectStatus,
    versions: completeVersions(offered),
  })
  yield `${head.slice(0, -1)},"files":[`
  yield* joinInPieces(offered.files, (file) => describeFile(index, file, toRoot))
  yield ']}\n'
}

/** The list of an index's projects, likewise. */
export function* renderJsonList({ projects }: ProjectListSnapshot): Generator<string> {
  yield `{"meta":{"api-version":"${LIST_VERSION}"},"projects":[`
  yield* joinInPieces(projects, (name) => ({ name }))
  yield ']}\n'
}

/** Fields that are undefined do not get into JSON: null would cost uv the whole page (B4). */
function describeFile(index: IndexName, file: ListedFile, toRoot: string): Record<string, unknown> {
  const metadata = describeMetadata(file)
  return {
    ...file.extra,
    filename: file.filename,
    url: toRoot + formatFilePath(index, file),
    hashes: chooseHash(file.hashes),
    'requires-python': file.requiresPython,
    size: file.size,
    'upload-time': file.uploadTime,
    yanked: file.yanked ?? false,
    'core-metadata': metadata,
    'dist-info-metadata': metadata,
    provenance: file.provenance,
  }
}

/** Without a hash that anybody knows, the fact alone. */
function describeMetadata({ coreMetadata }: ListedFile): true | Record<string, string> | undefined {
  if (coreMetadata === undefined || coreMetadata === true) return coreMetadata
  const hash = chooseHash(coreMetadata)
  return Object.keys(hash).length === 0 ? true : hash
}

function* joinInPieces<Item>(items: readonly Item[], describe: (item: Item) => object): Generator<string> {
  for (let start = 0; start < items.length; start += PER_PIECE) {
    const piece = items.slice(start, start + PER_PIECE).map((item) => describe(item))
    yield (start === 0 ? '' : ',') + JSON.stringify(piece).slice(1, -1)
  }
}
