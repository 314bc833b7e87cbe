import { availableParallelism } from 'node:os'
import type { ArchiveFile } from '../archive/archive-file.ts'
import { isWhole, MAX_WHOLE_BYTES } from '../archive/contents.ts'
import type { Member } from '../archive/member.ts'
import { MemberReader } from '../archive/member-reader.ts'
import { type Blake3, hashBlake3 } from '../digest.ts'
import { ArchiveRefusedError } from '../errors.ts'
import { Pace } from '../pace.ts'
import type { BlobWriter } from './blob-writer.ts'
import type { Share, Task } from './plan.ts'
import type { Queue } from './queue.ts'
import { isAsListed, mayBeAsListed } from './record-hash.ts'
import type { UnpackMemory } from './unpack-memory.ts'

/** What a thread did of a wheel. */
export interface SharedContents {
  /** Of each task of the queue; undefined for those of the other thread. */
  readonly large: readonly (Blake3 | undefined)[]
  /** Of each task of the share; undefined for directories. */
  readonly small: readonly (Blake3 | undefined)[]
  /** Does every file of it have the hash that RECORD has for it? Of large files it is not known yet; see {@link uncheckedOf}. */
  readonly areHashesRight: boolean
}

/** What a thread has to do of a wheel: of the queue whatever it gets, and all of its share. */
export interface Work {
  readonly queue: Queue
  readonly share: Share
}

export interface ShareOptions {
  /** Threads that this wheel has. */
  readonly threads: 1 | 2
  readonly writer: BlobWriter
  readonly memory: UnpackMemory
  readonly signal: AbortSignal
}

/**
 * Unpacks a thread's part of a wheel into blobs. Each member is read once: inflate, BLAKE3, CRC-32, and for all but the largest the hash that RECORD
 * has for it. Throws the first {@link ArchiveRefusedError}, the error of the disk, or the signal's reason. Of what all threads of a wheel throw,
 * the one that {@link firstOf} chooses is always the same.
 */
export async function unpackShare(
  file: ArchiveFile,
  { queue, share }: Work,
  options: ShareOptions,
): Promise<SharedContents> {
  const unpacking = new ShareUnpacking(file, options)
  try {
    // The large ones first: who is done with them sooner has more left to do of its own share.
    await unpacking.take(queue.take())
    await unpacking.take(share)
  } catch (error) {
    // What comes before the refused one in the queue was taken before it, and is done to its end: so the first refusal of the queue is always found.
    queue.end()
    if (error instanceof ArchiveRefusedError) await options.writer.settle()
    throw error
  }
  // The next share has the same memory.
  await options.writer.settle()
  const digestOf = ({ member }: Task): Blake3 | undefined => unpacking.digests.get(member.path)
  const { areHashesRight } = unpacking
  return { large: queue.tasks.map(digestOf), small: share.map(digestOf), areHashesRight }
}

/** Of several errors: what is no refusal, else the refusal of what comes first among `tasks`. */
export function firstOf(errors: readonly unknown[], tasks: readonly Task[]): unknown {
  const position = (error: unknown): number =>
    error instanceof ArchiveRefusedError ? tasks.findIndex(({ member }) => member.path === error.path) : -1
  return errors.toSorted((a, b) => position(a) - position(b))[0]
}

class ShareUnpacking {
  readonly digests = new Map<string, Blake3>()
  areHashesRight = true
  readonly #reader: MemberReader
  readonly #writer: BlobWriter
  readonly #signal: AbortSignal
  /** With both processors at work another thread would only take turns with this one. */
  readonly #isBeside: boolean
  readonly #pace = new Pace()

  constructor(file: ArchiveFile, { writer, memory, signal, threads }: ShareOptions) {
    this.#isBeside = availableParallelism() > threads
    this.#reader = new MemberReader(file, memory.inflater)
    this.#writer = writer
    this.#signal = signal
  }

  async take(tasks: Iterable<Task>): Promise<void> {
    for (const task of tasks) {
      // For what the other threads have to say.
      if (this.#pace.isDue) await this.#pace.rest()
      this.#signal.throwIfAborted()
      const { member } = task
      if (member.size > MAX_WHOLE_BYTES) await this.#takeLarge(task)
      else {
        const found = this.#writer.findRoom(member.size)
        const room = found instanceof Promise ? await found : found
        if (isWhole(member)) this.#reader.read(member, room)
        else await this.#readInTurns(member, room)
        this.#addWhole(task, room)
      }
    }
  }

  async #takeLarge(task: Task): Promise<void> {
    this.areHashesRight &&= mayBeAsListed(task)
    const pieces = this.#reader.readPieces(task.member, this.#signal)
    this.digests.set(task.member.path, await this.#writer.addLarge(pieces, { isBeside: this.#isBeside }))
  }

  /** What is packed in many bytes takes long, however few come of them. */
  async #readInTurns(member: Member, room: Buffer): Promise<void> {
    let size = 0
    for (const piece of this.#reader.readPieces(member, this.#signal)) {
      room.set(piece, size)
      size += piece.length
      if (this.#pace.isDue) await this.#pace.rest()
    }
  }

  #addWhole({ member, listing }: Task, room: Buffer): void {
    if (member.isDirectory) return
    const blake3 = hashBlake3(room)
    this.areHashesRight &&= isAsListed(listing, room)
    this.digests.set(member.path, blake3)
    this.#writer.add(blake3, room.length)
  }
}
