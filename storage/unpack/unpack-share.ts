import { setImmediate } from 'node:timers/promises'
import type { ArchiveFile } from '../archive/archive-file.ts'
import type { Member } from '../archive/archive.ts'
import { isWhole, readMember, streamMember } from '../archive/contents.ts'
import { canShare, readTogether } from '../archive/read-together.ts'
import { release } from '../archive/release.ts'
import type { AtHand } from '../at-hand.ts'
import { type Blake3, hashBlake3 } from '../digest.ts'
import { ArchiveRefusedError } from '../errors.ts'
import { PACK_THRESHOLD } from './batch.ts'
import type { BlobWriter } from './blob-writer.ts'
import type { Share, Task } from './plan.ts'
import { isAsListed, mayBeAsListed } from './record-hash.ts'

/** What became of a share. */
export interface SharedContents {
  /** Of each task in its order; undefined for directories. */
  readonly digests: readonly (Blake3 | undefined)[]
  /** Does every file of it have the hash that RECORD has for it? Of large files it is not known yet; see {@link uncheckedOf}. */
  readonly areHashesRight: boolean
}

export interface ShareOptions {
  readonly writer: BlobWriter
  readonly signal: AbortSignal
}

/**
 * Unpacks a share into blobs. Each member is read once: inflate, BLAKE3, CRC-32, and for a small one the hash that RECORD has for it.
 * Throws {@link ArchiveRefusedError}, always the same one for the same share; the error of the disk; or the signal's reason.
 */
export async function unpackShare(file: ArchiveFile, share: Share, options: ShareOptions): Promise<SharedContents> {
  const { signal } = options
  const failing = new AbortController()
  const work = new ShareWork(file, { ...options, signal: AbortSignal.any([signal, failing.signal]) })
  const stopOther = (error: unknown): never => {
    // A refusal does not: which one is reported must not depend on who was faster.
    if (!(error instanceof ArchiveRefusedError)) failing.abort(error)
    throw error
  }
  const outcomes = await Promise.allSettled([
    work.takeLarge(share.filter(({ member }) => !isWhole(member))).catch(stopOther),
    work.takeWhole(share.filter(({ member }) => isWhole(member))).catch(stopOther),
  ])
  signal.throwIfAborted()
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
  if (errors.length > 0) throw firstOf(errors, share)
  const digests = share.map(({ member }) => work.digests.get(member.path))
  return { digests, areHashesRight: work.areHashesRight }
}

/** Of several errors: what is no refusal, else the refusal of what comes first in the file. */
export function firstOf(errors: readonly unknown[], tasks: readonly Task[]): unknown {
  const position = (error: unknown): number =>
    error instanceof ArchiveRefusedError ? tasks.findIndex(({ member }) => member.path === error.path) : -1
  return errors.toSorted((a, b) => position(a) - position(b))[0]
}

class ShareWork {
  readonly digests = new Map<string, Blake3>()
  areHashesRight = true
  readonly #file: ArchiveFile
  readonly #options: ShareOptions

  constructor(file: ArchiveFile, options: ShareOptions) {
    this.#file = file
    this.#options = options
  }

  /** Flows through zlib's own thread while this one takes the others. */
  async takeLarge(tasks: readonly Task[]): Promise<void> {
    const { writer, signal } = this.#options
    for (const task of tasks) {
      this.areHashesRight &&= mayBeAsListed(task)
      const pieces = streamMember(this.#file, task.member, signal)
      this.digests.set(task.member.path, await writer.addLarge(pieces))
    }
  }

  async takeWhole(tasks: readonly Task[]): Promise<void> {
    for (const group of groupSmall(tasks)) {
      // Large members have come on meanwhile, and zlib must not wait.
      await setImmediate()
      this.#options.signal.throwIfAborted()
      const [first] = group
      if (group.length > 1) await this.#takeGroup(group)
      else if (first !== undefined) await this.#takeOne(first)
    }
  }

  async #takeGroup(tasks: readonly Task[]): Promise<void> {
    const members = tasks.map(({ member }) => member)
    const contents = readTogether(this.#file, members)
    for (const [index, task] of tasks.entries()) {
      const adding = this.#take(task, contents[index] ?? Buffer.alloc(0))
      if (adding !== undefined) await adding
    }
    // All of them are small, and so were copied.
    if (contents[0] !== undefined) release(contents[0])
  }

  async #takeOne(task: Task): Promise<void> {
    const { member } = task
    const contents = readMember(this.#file, member)
    if (member.isDirectory) return
    const isSmall = member.size < PACK_THRESHOLD
    // What is stored is seen through a window that moves on.
    await this.#take(task, member.method === 0 && !isSmall ? Buffer.from(contents) : contents)
    if (member.method !== 0 && isSmall) release(contents)
  }

  #take(task: Task, contents: Buffer): AtHand<void> {
    const blake3 = hashBlake3(contents)
    this.areHashesRight &&= isAsListed(task.listing, contents)
    this.digests.set(task.member.path, blake3)
    return this.#options.writer.add(blake3, contents)
  }
}

/** Members that go through zlib together hold this many bytes when unpacked: a millisecond, no longer than zlib can go on alone. */
const GROUP_BYTES = 256 * 1024

/** Those that can share a pass through zlib, some at a time; each other member alone, where it stands. */
function* groupSmall(tasks: Iterable<Task>): Generator<readonly Task[]> {
  let group: Task[] = []
  let size = 0
  for (const task of tasks) {
    const member: Member = task.member
    if (!canShare(member)) {
      yield [task]
      continue
    }
    group.push(task)
    size += member.size
    if (size >= GROUP_BYTES) {
      yield group
      group = []
      size = 0
    }
  }
  if (group.length > 0) yield group
}
