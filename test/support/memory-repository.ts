import { gzipSync } from 'node:zlib'
import type { Content } from '../../routes/content.ts'
import type {
  ArchiveForm,
  FileReference,
  Manifest,
  Meter,
  Pending,
  Repository,
  RepositoryStats,
  ServedTreeFile,
  WheelRecord,
  WheelTreeOptions,
} from '../../routes/repository.ts'
import type { LookupKey, TreeAlias } from '../../routes/tree-name.ts'
import type { PruneBudget, PruneOutcome, PrunePlan } from '../../storage/catalog/catalog.ts'
import { hashBlake3, hashSha256, type Blake3, type Digest, type Sha256 } from '../../storage/digest.ts'
import { archiveIdOf } from '../../storage/dirhash.ts'
import { ArchiveRefusedError } from '../../storage/errors.ts'
import { createTree } from '../../storage/manifest.ts'
import type { ProjectPage, Tree } from '../../storage/model.ts'
import {
  parseFilename,
  parseIndexName,
  projectsOf,
  type Filename,
  type IndexName,
  type ProjectName,
  type TreePath,
} from '../../storage/names.ts'
import { parseTreePath } from '../../storage/tree-path.ts'
import { MemoryAdministration } from './memory-administration.ts'
import { keptContent, streamedContent } from './memory-content.ts'

/** What is known of a wheel with this tree. */
export function unpackedAs({ id, dirhash }: Tree) {
  return { state: 'unpacked', id, dirhash, archiveId: archiveIdOf(dirhash), record: 'ok', portable: true } as const
}

/** A repository that holds all it has in maps: what the routes are tested against, with no disk and no upstream. */
export class MemoryRepository implements Repository {
  readonly defaultIndex = parseIndexName('main')
  readonly #pages = new Map<ProjectName, ProjectPage>()
  readonly #files = new Map<string, Content>()
  readonly #metadata = new Map<string, Content>()
  readonly #blobs = new Map<string, Content>()
  readonly #manifests = new Map<Blake3, Manifest>()
  readonly #wheels = new Map<Sha256, WheelRecord>()
  /** Thrown by whatever is asked next, and by all that follows. */
  failure: Error | undefined
  readonly executed: PrunePlan[] = []
  readonly budgets: PruneBudget[] = []
  /** The responses with a file that were counted. */
  readonly metered: Parameters<Meter>[] = []
  readonly admin = new MemoryAdministration(() => this.failure)

  /** Lists and stores a file; `hashed: false` as an index does that lists no SHA-256. Returns the path of its URL. */
  addFile(
    name: string,
    content: Content,
    options: { readonly hashed?: boolean; readonly metadata?: Uint8Array; readonly tree?: WheelRecord['tree'] } = {},
  ): string {
    const { hashed = true, metadata, tree = { state: 'none' } } = options
    const { sha256 = hashSha256(Buffer.from(name)), blake3 = hashBlake3(Buffer.from(name)) } = content
    const filename = parseFilename(name)
    const reference = { index: this.defaultIndex, sha256: hashed ? sha256 : undefined, filename }
    this.#files.set(keyOf(reference), content)
    if (metadata !== undefined) this.#metadata.set(keyOf(reference), keptContent(metadata))
    for (const digest of [`sha256:${sha256}`, `blake3:${blake3}`]) this.#blobs.set(digest, content)
    const [project] = projectsOf(filename)
    if (project === undefined) throw new TypeError(`${name} names no project`)
    const seen = [{ index: this.defaultIndex, project, filename }]
    this.#wheels.set(sha256, { sha256, blake3, size: content.size ?? 0, seen, tree })
    return `/files/main/${hashed ? sha256 : 'unhashed'}/${encodeURIComponent(name)}`
  }

  /** Stores a tree of these files; paths that end with `*` are executable. */
  addTree(files: Readonly<Record<string, Uint8Array>>, directories: readonly string[] = []): Manifest {
    const treeFiles = Object.entries(files).map(([name, bytes]) => {
      const blake3 = hashBlake3(bytes)
      this.#blobs.set(`blake3:${blake3}`, keptContent(bytes))
      const path = parseTreePath(name.replace(/\*$/, ''))
      return { path, size: bytes.length, blake3, executable: name.endsWith('*') }
    })
    const { tree, manifest: bytes } = createTree(treeFiles, directories.map(parseTreePath))
    this.#manifests.set(tree.id, { tree, bytes })
    this.#blobs.set(`blake3:${tree.id}`, keptContent(bytes))
    return { tree, bytes }
  }

  addPage(page: ProjectPage): void {
    this.#pages.set(page.project, page)
  }

  hasIndex(index: IndexName): boolean {
    return index === this.defaultIndex
  }

  listProjects(index: IndexName): Promise<{ index: IndexName; projects: readonly string[] }> {
    return this.#answer({ index, projects: [...this.#pages.keys()] })
  }

  findPage(index: IndexName, project: ProjectName): Promise<{ index: IndexName; page: ProjectPage } | undefined> {
    const page = this.#pages.get(project)
    return this.#answer(page && { index, page })
  }

  findFile(reference: FileReference): Promise<Content | undefined> {
    return this.#answer(this.#files.get(keyOf(reference)))
  }

  meterFile(): Meter {
    return (bytes, origin) => void this.metered.push([bytes, origin])
  }

  findMetadata(reference: FileReference): Promise<Content | undefined> {
    return this.#answer(this.#metadata.get(keyOf(reference)))
  }

  findWheel(digest: Digest): Promise<Content | undefined> {
    return this.#answer(this.#findRecord(digest) && this.#blobs.get(textOf(digest)))
  }

  findTreeOfWheel(digest: Digest, { respondAsync }: WheelTreeOptions): Promise<Manifest | Pending | undefined> {
    const tree = this.#findRecord(digest)?.tree
    if (tree?.state === 'pending' && respondAsync) return this.#answer('pending')
    if (tree?.state === 'refused') {
      return Promise.reject(new ArchiveRefusedError(tree.reason, tree.detail, tree.path))
    }
    return this.#answer(tree?.state === 'unpacked' ? this.#manifests.get(tree.id) : undefined)
  }

  async findTreeArchiveOfWheel(
    digest: Digest,
    form: ArchiveForm,
    options: WheelTreeOptions,
  ): Promise<Content | Pending | undefined> {
    const manifest = await this.findTreeOfWheel(digest, options)
    return typeof manifest === 'object' ? this.findTreeArchive(manifest.tree.id, form) : manifest
  }

  findManifest(id: Blake3): Promise<Manifest | undefined> {
    return this.#answer(this.#manifests.get(id))
  }

  findTreeIds(alias: TreeAlias): Promise<readonly Blake3[]> {
    const isMeant = ({ tree }: Manifest): boolean =>
      alias.algorithm === 'uv' ? archiveIdOf(tree.dirhash) === alias.archiveId : tree.dirhash === alias.hex
    return this.#answer([...this.#manifests.values()].filter(isMeant).map(({ tree }) => tree.id))
  }

  /** The manifest's bytes: what is in the archive is not the routes' to know. */
  findTreeArchive(id: Blake3, form: ArchiveForm): Promise<Content | undefined> {
    const manifest = this.#manifests.get(id)
    const lacksWheel =
      form === 'tar.gz' && ![...this.#wheels.values()].some(({ tree }) => tree.state === 'unpacked' && tree.id === id)
    if (manifest === undefined || lacksWheel) return this.#answer(undefined)
    const isExact = form !== 'tar.zst'
    const content = streamedContent(manifest.bytes, { sized: isExact, stored: false })
    return this.#answer({ ...content, sha256: undefined, validator: `${form}:${id}`, isExact })
  }

  findTreeFile(id: Blake3, path: TreePath, { gzip }: { readonly gzip: boolean }): Promise<ServedTreeFile | undefined> {
    const file = this.#manifests.get(id)?.tree.files.find((candidate) => candidate.path === path)
    const content = file && this.#blobs.get(`blake3:${file.blake3}`)
    if (file === undefined || content?.bytes === undefined) return this.#answer(undefined)
    const { blake3, executable } = file
    const compressed = gzipSync(content.bytes)
    if (!gzip || compressed.length >= file.size) {
      return this.#answer({ content: { ...content, sha256: undefined }, encoding: undefined, blake3, executable })
    }
    const validator = `blake3:${blake3}-gzip-${'0'.repeat(32)}`
    const coded = { ...keptContent(compressed), sha256: undefined, blake3: undefined, validator }
    return this.#answer({ content: coded, encoding: 'gzip', blake3, executable })
  }

  /** The blobs one after the other. */
  findMissing(id: Blake3, have: ReadonlySet<Blake3>): Promise<Content | undefined> {
    const files = this.#manifests.get(id)?.tree.files.filter(({ blake3 }) => !have.has(blake3))
    const blobs = files?.map(({ blake3 }) => this.#blobs.get(`blake3:${blake3}`)?.bytes ?? Buffer.alloc(0))
    return this.#answer(blobs && streamedContent(Buffer.concat(blobs), { stored: false }))
  }

  findBlob(digest: Digest): Promise<Content | undefined> {
    return this.#answer(this.#blobs.get(textOf(digest)))
  }

  /** What is pending counts as not fetched yet. */
  lookup(key: LookupKey, { respondAsync }: WheelTreeOptions): Promise<readonly WheelRecord[] | Pending> {
    const text = key.algorithm === 'uv' ? key.archiveId : key.hex
    const isMeant = ({ sha256, blake3, tree }: WheelRecord): boolean =>
      [sha256, blake3, ...(tree.state === 'unpacked' ? [tree.id, tree.dirhash, tree.archiveId] : [])].includes(text)
    const found = [...this.#wheels.values()].filter(isMeant)
    const isPending = respondAsync && found.some(({ tree }) => tree.state === 'pending')
    return this.#answer(isPending ? 'pending' : found)
  }

  lookUpProject(index: IndexName, project: ProjectName): Promise<readonly WheelRecord[]> {
    const isMeant = ({ seen }: WheelRecord): boolean =>
      seen.some((place) => place.index === index && place.project === project)
    return this.#answer([...this.#wheels.values()].filter(isMeant))
  }

  stats(): Promise<RepositoryStats> {
    const wheels = { unpacked: 0, refused: 0, pending: 0 }
    for (const { tree } of this.#wheels.values()) if (tree.state !== 'none') wheels[tree.state] += 1
    const bytes = [...this.#blobs.values()].reduce((sum, { size = 0 }) => sum + size, 0)
    return this.#answer({
      uptime: 1,
      requests: { files: { hits: 0, misses: 0 }, pages: { hits: 0, misses: 0, stale: 0 } },
      bytes: { fromUpstream: 0, served: 0, saved: 0 },
      downloads: { running: 0, resumed: 0, notKept: 0, failed: {} },
      upstreams: {
        'https://index.example': { state: 'closed', failures: 0 },
        'https://files.example': { state: 'open', failures: 5, openUntil: '2024-01-01T00:00:02.000Z' },
      },
      store: {
        pages: this.#pages.size,
        distributions: this.#wheels.size,
        wheels,
        trees: this.#manifests.size,
        blobs: this.#blobs.size,
        packs: 0,
        logicalBytes: bytes,
        uniqueBytes: bytes,
        storedBytes: bytes,
        files: 0,
        slackBytes: 0,
        freeBytes: 1e9,
        damaged: 0,
      },
    })
  }

  /** Everything goes. */
  planPrune(budget: PruneBudget): Promise<PrunePlan> {
    this.budgets.push(budget)
    const distributions = [...this.#wheels.values()].map(({ sha256, blake3, size, seen }) => ({
      sha256,
      blake3,
      size,
      sightings: seen,
      usedAt: 0,
      reason: 'size' as const,
      freedBytes: size,
    }))
    const freedBytes = distributions.reduce((sum, { size }) => sum + size, 0)
    const plan = { distributions, pinned: 0, trees: 0, blobs: 0, packs: 0, storedBytes: freedBytes, freedBytes }
    const shortfall = { storedBytes: 1, files: 2, freeBytes: 3, reason: 'pinned' } as const
    return this.#answer(budget.maxFiles === 0 ? { ...plan, shortfall } : plan)
  }

  executePrune(plan: PrunePlan): Promise<PruneOutcome> {
    this.executed.push(plan)
    const { trees, blobs, packs, freedBytes } = plan
    return this.#answer({ distributions: plan.distributions.length, trees, blobs, packs, freedBytes })
  }

  #findRecord({ hex }: Digest): WheelRecord | undefined {
    return [...this.#wheels.values()].find(({ sha256, blake3 }) => sha256 === hex || blake3 === hex)
  }

  #answer<Value>(value: Value): Promise<Value> {
    return this.failure === undefined ? Promise.resolve(value) : Promise.reject(this.failure)
  }
}

function keyOf({
  index,
  sha256,
  filename,
}: {
  index: IndexName
  sha256: Sha256 | undefined
  filename: Filename
}): string {
  return `${index}/${sha256 ?? ''}/${filename}`
}

function textOf({ algorithm, hex }: Digest): string {
  return `${algorithm}:${hex}`
}
