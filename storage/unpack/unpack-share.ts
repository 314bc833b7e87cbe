import type { ArchiveFile } from '../archive/archive-file.ts'
import { isWhole } from '../archive/contents.ts'
import { MemberReader } from '../archive/member-reader.ts'
import { type Blake3, hashBlake3 } from '../digest.ts'
import { ArchiveRefusedError } from '../errors.ts'
import { Pace } from '../pace.ts'
import type { BlobWriter } from './blob-writer.ts'
import type { Share, Task } from './plan.ts'
import { isAsListed, mayBeAsListed } from './record-hash.ts'
import type { UnpackMemory } from './unpack-memory.ts'

/** What became of a share. */
export interface SharedContents {
  /** Of each task in its order; undefined for directories. */
  readonly digests: readonly (Blake3 | undefined)[]
  /** Does every file of it have the hash that RECORD has for it? Of large files it is not known yet; see {@link uncheckedOf}. */
  readonly areHashesRight: boolean
}

export interface ShareOptions {
  readonly writer: BlobWriter
  readonly memory: UnpackMemory
  readonly signal: AbortSignal
}

/**
 * Unpacks a share into blobs. Each member is read once: inflate, BLAKE3, CRC-32, and for a small one the hash that RECORD has for it.
 * Throws {@link ArchiveRefusedError}, always the same one for the same share; the error of the disk; or the signal's reason.
 */
export async function unpackShare(file: ArchiveFile, share: Share, options: ShareOptions): Promise<SharedContents> {
  const work = new ShareWork(file, options)
  const refusals: ArchiveRefusedError[] = []
  // The large ones first: to sync them takes longest, and goes on meanwhile.
  for (const tasks of [share.filter(({ member }) => !isWhole(member)), share.filter(({ member }) => isWhole(member))]) {
    try {
      await work.take(tasks)
    } catch (error) {
      if (!(error instanceof ArchiveRefusedError)) throw error
      refusals.push(error)
    }
  }
  // The next share has the same memory, also where this one is refused.
  await options.writer.settle()
  if (refusals.length > 0) throw firstOf(refusals, share)
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
  readonly #reader: MemberReader
  readonly #writer: BlobWriter
  readonly #signal: AbortSignal
  readonly #pace = new Pace()

  constructor(file: ArchiveFile, { writer, memory, signal }: ShareOptions) {
    this.#reader = new MemberReader(file, memory.inflater)
    this.#writer = writer
    this.#signal = signal
  }

  async take(tasks: readonly Task[]): Promise<void> {
    for (const task of tasks) {
      // For what the other threads have to say.
      if (this.#pace.isDue) await this.#pace.rest()
      this.#signal.throwIfAborted()
      const { member } = task
      if (!isWhole(member)) await this.#takeLarge(task)
      else {
        const room = this.#writer.findRoom(member.size)
        this.#takeWhole(task, room instanceof Promise ? await room : room)
      }
    }
  }

  async #takeLarge(task: Task): Promise<void> {
    this.areHashesRight &&= mayBeAsListed(task)
    const pieces = this.#reader.readPieces(task.member, this.#signal)
    this.digests.set(task.member.path, await this.#writer.addLarge(pieces))
  }

  #takeWhole({ member, listing }: Task, room: Buffer): void {
    this.#reader.read(member, room)
    if (member.isDirectory) return
    const blake3 = hashBlake3(room)
    this.areHashesRight &&= isAsListed(listing, room)
    this.digests.set(member.path, blake3)
    this.#writer.add(blake3, room.length)
  }
}
