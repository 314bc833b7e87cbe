import { type Archive, type Member, openArchive } from '../archive/archive.ts'
import { isWhole, readMember, streamMember } from '../archive/contents.ts'
import { canShare, readTogether } from '../archive/read-together.ts'
import type { ArchiveLimits } from '../archive/policy.ts'
import type { StagedFile } from '../blobs/blob-store.ts'
import type { UnpackedTree } from '../catalog/catalog.ts'
import { type Blake3, hashBlake3, Hashing } from '../digest.ts'
import { archiveIdOf } from '../dirhash.ts'
import { ArchiveRefusedError } from '../errors.ts'
import type { SyncIo } from '../io.ts'
import { createTree } from '../manifest.ts'
import type { RecordVerdict, TreeFile, TreeRecord } from '../model.ts'
import type { TreePath } from '../names.ts'
import { BlobWriter, type FindStored } from './blob-writer.ts'
import { RecordCheck } from './record-check.ts'

/** What {@link unpackWheel} is to do, in values that can be sent to a thread. */
export interface UnpackJob {
  readonly wheelPath: string
  /** What the paths of the files that are written begin with. */
  readonly staging: string
  readonly limits: ArchiveLimits
}

/** A wheel's tree, ready to be committed once the staged files are adopted. */
export interface UnpackResult {
  readonly unpacked: UnpackedTree
  /** Finished, closed and synced: the pack, and blobs that are too large for it. */
  readonly staged: readonly StagedFile[]
  /** The canonical bytes, which are among the blobs as well. */
  readonly manifest: Uint8Array
}

/**
 * Checks a wheel, unpacks it into blobs and makes its manifest. Each member is read once: inflate, CRC-32, BLAKE3, and the hash that
 * RECORD has for it. All or nothing: on any error no file is left. Throws {@link ArchiveRefusedError}, the error of the disk, or the
 * signal's reason.
 */
export async function unpackWheel(
  io: SyncIo,
  job: UnpackJob,
  options: { readonly findStored: FindStored; readonly signal: AbortSignal },
): Promise<UnpackResult> {
  const writer = new BlobWriter(io, job.staging, options.findStored)
  try {
    const { files, directories, record } = await takeContents(io, job, { writer, signal: options.signal })
    const { tree, manifest } = createTree(files, directories)
    await writer.add(tree.id, manifest)
    const { staged, placed } = await writer.finish()
    const blobs = [...new Set([...files.map(({ blake3 }) => blake3), tree.id])]
    return { unpacked: { tree: summarize(tree), record, blobs, placed }, staged, manifest }
  } catch (error) {
    await writer.abandon()
    throw error
  }
}

interface TakenContents {
  readonly files: readonly TreeFile[]
  readonly directories: readonly TreePath[]
  readonly record: RecordVerdict
}

async function takeContents(
  io: SyncIo,
  { wheelPath, limits }: UnpackJob,
  options: { readonly writer: BlobWriter; readonly signal: AbortSignal },
): Promise<TakenContents> {
  const archive = openArchive(io, wheelPath, limits)
  try {
    const record = new RecordCheck(archive)
    const files = await new Unpacking({ archive, record, writer: options.writer }).run(options.signal)
    const directories = archive.members.filter((member) => member.isDirectory).map(({ path }) => path)
    return { files, directories, record: record.verdict() }
  } finally {
    archive.close()
  }
}

function summarize(tree: {
  readonly id: Blake3
  readonly dirhash: string
  readonly files: readonly TreeFile[]
}): TreeRecord {
  const { id, dirhash, files } = tree
  const size = files.reduce((sum, file) => sum + file.size, 0)
  return { id, dirhash, archiveId: archiveIdOf(dirhash), fileCount: files.length, size }
}

interface Parts {
  readonly archive: Archive
  readonly record: RecordCheck
  readonly writer: BlobWriter
}

/** The contents of one archive on their way into blobs. */
class Unpacking {
  readonly #archive: Archive
  readonly #record: RecordCheck
  readonly #writer: BlobWriter
  readonly #files: TreeFile[] = []

  constructor({ archive, record, writer }: Parts) {
    this.#archive = archive
    this.#record = record
    this.#writer = writer
  }

  /** Large members flow through zlib's own thread while this one takes the others. */
  async run(signal: AbortSignal): Promise<TreeFile[]> {
    const failing = new AbortController()
    const ended = AbortSignal.any([signal, failing.signal])
    const stopOthers = (error: unknown): never => {
      // A refusal does not: which one is reported must not depend on who was faster.
      if (!(error instanceof ArchiveRefusedError)) failing.abort(error)
      throw error
    }
    const wholes = this.#takeWholes(ended).catch(stopOthers)
    const larges = this.#takeLarges(ended).catch(stopOthers)
    const outcomes = await Promise.allSettled([wholes, larges])
    signal.throwIfAborted()
    const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
    if (errors.length > 0) throw this.#first(errors)
    return this.#files
  }

  async #takeWholes(signal: AbortSignal): Promise<void> {
    for (const group of groupSmall(this.#archive.members.filter(isWhole))) {
      signal.throwIfAborted()
      const [first] = group
      if (group.length > 1) await this.#takeGroup(group)
      else if (first !== undefined) await this.#takeOne(first)
    }
  }

  async #takeGroup(members: readonly Member[]): Promise<void> {
    const contents = readTogether(this.#archive, members)
    for (const [index, member] of members.entries()) await this.#take(member, contents[index] ?? Buffer.alloc(0))
  }

  async #takeOne(member: Member): Promise<void> {
    const contents = readMember(this.#archive, member)
    // What is stored is seen through a window that moves on.
    if (!member.isDirectory) await this.#take(member, member.method === 0 ? Buffer.from(contents) : contents)
  }

  async #take(member: Member, contents: Buffer): Promise<void> {
    const blake3 = hashBlake3(contents)
    this.#record.check(member, contents)
    this.#note(member, blake3)
    await this.#writer.add(blake3, contents)
  }

  async #takeLarges(signal: AbortSignal): Promise<void> {
    for (const member of this.#archive.members) {
      if (!isWhole(member)) await this.#writer.addLarge(this.#hashPieces(member, signal))
    }
  }

  async *#hashPieces(member: Member, signal: AbortSignal): AsyncGenerator<Uint8Array, Blake3> {
    const algorithm = this.#record.algorithmFor(member)
    const hashing = new Hashing(algorithm === undefined ? [] : [algorithm])
    for await (const piece of streamMember(this.#archive, member, signal)) {
      hashing.update(piece)
      yield piece
    }
    const { blake3, hexes } = hashing.finish()
    this.#record.checkDigest(member, hexes.get(algorithm ?? '') ?? '')
    this.#note(member, blake3)
    return blake3
  }

  #note({ path, size, isExecutable }: Member, blake3: Blake3): void {
    this.#files.push({ path, size, blake3, executable: isExecutable })
  }

  /** What is no refusal first; of two refusals the one that comes first in the file. */
  #first(errors: readonly unknown[]): unknown {
    const position = (error: unknown): number =>
      error instanceof ArchiveRefusedError ? this.#archive.members.findIndex(({ path }) => path === error.path) : -1
    return errors.toSorted((a, b) => position(a) - position(b))[0]
  }
}

/** Members that go through zlib together hold this many bytes when unpacked. */
const GROUP_BYTES = 512 * 1024

/** Those that can share a pass through zlib, some at a time; each other member alone, where it stands. */
function* groupSmall(members: Iterable<Member>): Generator<readonly Member[]> {
  let group: Member[] = []
  let size = 0
  for (const member of members) {
    if (!canShare(member)) {
      yield [member]
      continue
    }
    group.push(member)
    size += member.size
    if (size >= GROUP_BYTES) {
      yield group
      group = []
      size = 0
    }
  }
  if (group.length > 0) yield group
}
