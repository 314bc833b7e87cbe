import { type Archive, openArchive } from '../archive/archive.ts'
import type { Member } from '../archive/member.ts'
import type { ArchiveLimits } from '../archive/policy.ts'
import type { Blake3 } from '../digest.ts'
import { archiveIdOf } from '../dirhash.ts'
import { ArchiveRefusedError } from '../errors.ts'
import type { SyncIo } from '../io.ts'
import { createTree } from '../manifest.ts'
import type { TreeFile, TreeRecord } from '../model.ts'
import { BlobWriter, type FindStored } from './blob-writer.ts'
import type { Helper, UnpackedShare } from './helper.ts'
import { type Plan, planShares, type Share, type Task } from './plan.ts'
import { Queue } from './queue.ts'
import { RecordCheck } from './record-check.ts'
import { uncheckedOf } from './record-hash.ts'
import type { UnpackMemory } from './unpack-memory.ts'
import type { UnpackResult } from './unpack-result.ts'
import { firstOf, type SharedContents, unpackShare, type Work } from './unpack-share.ts'

/** What {@link unpackWheel} is to do, in values that can be sent to a thread. */
export interface UnpackJob {
  readonly wheelPath: string
  /** What the paths of the files that are written begin with. */
  readonly staging: string
  readonly limits: ArchiveLimits
}

export interface UnpackOptions {
  readonly findStored: FindStored
  readonly memory: UnpackMemory
  readonly signal: AbortSignal
  /** Asks for a second thread, for a wheel that is worth it; undefined where there is none to spare. */
  readonly findHelper?: () => Promise<Helper | undefined>
}

/**
 * Checks a wheel, unpacks it into blobs and makes its manifest. All or nothing: on any error no file is left. Throws
 * {@link ArchiveRefusedError}, the error of the disk, or the signal's reason.
 */
export async function unpackWheel(io: SyncIo, job: UnpackJob, options: UnpackOptions): Promise<UnpackResult> {
  const unpacking = new WheelUnpacking({ io, job, options })
  try {
    return await unpacking.run()
  } catch (error) {
    await unpacking.abandon()
    throw error
  } finally {
    unpacking.close()
  }
}

interface Circumstances {
  readonly io: SyncIo
  readonly job: UnpackJob
  readonly options: UnpackOptions
}

interface Wheel {
  readonly archive: Archive
  readonly record: RecordCheck
  readonly queue: Queue
  readonly first: Share
  readonly second: Share
}

class WheelUnpacking {
  readonly #circumstances: Circumstances
  readonly #failing = new AbortController()
  readonly #signal: AbortSignal
  /** One for each share, and so one pack for each. */
  readonly #first: BlobWriter
  readonly #second: BlobWriter
  #helper: Helper | undefined

  constructor(circumstances: Circumstances) {
    const { io, job, options } = circumstances
    this.#circumstances = circumstances
    this.#signal = AbortSignal.any([options.signal, this.#failing.signal])
    const { findStored, memory } = options
    this.#first = new BlobWriter(io, { prefix: job.staging, findStored, memory })
    this.#second = new BlobWriter(io, { prefix: `${job.staging}-second`, findStored, memory })
  }

  async run(): Promise<UnpackResult> {
    const { io, job } = this.#circumstances
    const archive = openArchive(io, job.wheelPath, job.limits)
    let result: UnpackResult
    try {
      result = await this.#unpack(archive)
    } finally {
      archive.close()
    }
    this.#helper?.take()
    return result
  }

  async abandon(): Promise<void> {
    await this.#first.abandon()
    await this.#second.abandon()
  }

  close(): void {
    this.#helper?.close()
  }

  async #unpack(archive: Archive): Promise<UnpackResult> {
    const plan = planShares(archive.members)
    const wheel = await this.#readRecord(archive, plan)
    const [first, second] = await this.#unpackShares(wheel)
    return this.#finish(wheel, first, second)
  }

  /** A helper takes some time to come, so it is called before. */
  async #readRecord(archive: Archive, plan: Plan): Promise<Wheel> {
    const coming = plan.isShared ? this.#circumstances.options.findHelper?.() : undefined
    try {
      const record = new RecordCheck(archive)
      const toShare = (member: Member): Task => ({ member, listing: record.listingOf(member) })
      const queue = new Queue(plan.large.map(toShare))
      return { archive, record, queue, first: plan.first.map(toShare), second: plan.second.map(toShare) }
    } finally {
      // Also where RECORD is damaged: it waits to be told to go.
      this.#helper = await coming
    }
  }

  /** The second share also where the first was refused: which refusal is reported must not depend on who was there to help. */
  async #unpackShares(wheel: Wheel): Promise<[SharedContents, UnpackedShare]> {
    const errors: unknown[] = []
    const noteError = (error: unknown): undefined => {
      errors.push(error)
      if (error instanceof ArchiveRefusedError) return
      this.#failing.abort(error)
      this.#helper?.close()
    }
    const { queue } = wheel
    const elsewhere = this.#helper?.unpack({ queue, share: wheel.second }).catch(noteError)
    const { memory } = this.#circumstances.options
    const threads = this.#helper === undefined ? 1 : 2
    const sharing = { threads, writer: this.#first, memory, signal: this.#signal } as const
    const first = await unpackShare(wheel.archive.file, { queue, share: wheel.first }, sharing).catch(noteError)
    const second = await (elsewhere ??
      this.#unpackSecond(wheel.archive, { queue, share: wheel.second }).catch(noteError))
    this.#circumstances.options.signal.throwIfAborted()
    if (first !== undefined && second !== undefined) return [first, second]
    throw firstOf(errors, [...queue.tasks, ...wheel.first, ...wheel.second])
  }

  async #unpackSecond({ file }: Archive, work: Work): Promise<UnpackedShare> {
    const writer = this.#second
    const { memory } = this.#circumstances.options
    const contents = await unpackShare(file, work, { threads: 1, writer, memory, signal: this.#signal })
    return { contents, written: await writer.finish() }
  }

  async #finish(
    wheel: Wheel,
    first: SharedContents,
    { contents: second, written }: UnpackedShare,
  ): Promise<UnpackResult> {
    const { archive, record } = wheel
    const large = first.large.map((blake3, index) => blake3 ?? second.large[index])
    const files = [
      ...filesOf(wheel.queue.tasks, large),
      ...filesOf(wheel.first, first.small),
      ...filesOf(wheel.second, second.small),
    ]
    const directories = archive.members.filter((member) => member.isDirectory).map(({ path }) => path)
    const { tree, manifest } = createTree(files, directories)
    await this.#first.addWhole(tree.id, manifest)
    const { staged, placed } = await this.#first.finish()
    const areHashesRight = first.areHashesRight && second.areHashesRight
    return {
      unpacked: {
        tree: summarize(tree),
        record: record.verdict(areHashesRight),
        blobs: [...new Set([...files.map(({ blake3 }) => blake3), tree.id])],
        placed: [...placed, ...written.placed],
      },
      // Where one hash is wrong, the others cannot change that.
      unchecked: areHashesRight ? uncheckedOf(wheel.queue.tasks, large) : [],
      staged: [...staged, ...written.staged],
      manifest,
    }
  }
}

function filesOf(share: Share, digests: readonly (Blake3 | undefined)[]): TreeFile[] {
  return share.flatMap(({ member: { path, size, isExecutable } }, index) => {
    const blake3 = digests[index]
    return blake3 === undefined ? [] : [{ path, size, blake3, executable: isExecutable }]
  })
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
