import type { Io, IoFile } from '../../storage/io.ts'

export type Errno = 'ENOSPC' | 'EDQUOT' | 'EIO' | 'EMFILE' | 'EROFS'

export interface Fault {
  /** Which step fails; the first is 1. */
  readonly step: number
  readonly errno: Errno
  /** Whether all that follow fail as well; otherwise just the one. */
  readonly isLasting?: boolean
}

/**
 * An `Io` whose n-th step fails, to walk a fault through every step of an operation. Each call is a step, closing too. A failing write has
 * written a half; a failing close has closed. Removing works on a full disk, and only opening needs a descriptor, as in the real world.
 */
export class FaultyIo implements Io {
  readonly #io: Io
  #fault: Fault | undefined
  #steps = 0
  #openFiles = 0
  #hits = 0

  constructor(io: Io) {
    this.#io = io
  }

  /** Steps since {@link arm}. */
  get steps(): number {
    return this.#steps
  }

  /** Steps that failed since {@link arm}. */
  get hits(): number {
    return this.#hits
  }

  get openFiles(): number {
    return this.#openFiles
  }

  /** From now on counts anew, and fails as told; without a fault nothing fails. */
  arm(fault?: Fault): void {
    this.#fault = fault
    this.#steps = 0
    this.#hits = 0
  }

  create(path: string): Promise<IoFile> {
    return this.#open('create', () => this.#io.create(path))
  }

  openIfPresent(path: string): Promise<IoFile | undefined> {
    return this.#open('open', () => this.#io.openIfPresent(path))
  }

  async rename(from: string, to: string): Promise<void> {
    this.#step('rename', ['EMFILE'])
    await this.#io.rename(from, to)
  }

  async makeReadOnly(path: string): Promise<void> {
    this.#step('chmod', ['EMFILE', 'ENOSPC', 'EDQUOT'])
    await this.#io.makeReadOnly(path)
  }

  async remove(path: string): Promise<void> {
    this.#step('remove', ['EMFILE', 'ENOSPC', 'EDQUOT'])
    await this.#io.remove(path)
  }

  async makeFolder(path: string): Promise<void> {
    this.#step('mkdir', ['EMFILE'])
    await this.#io.makeFolder(path)
  }

  async syncFolder(path: string): Promise<void> {
    this.#step('fsync folder', ['EROFS'])
    await this.#io.syncFolder(path)
  }

  async list(path: string): Promise<readonly string[]> {
    this.#step('readdir', READING_WORKS)
    return this.#io.list(path)
  }

  async size(path: string): Promise<number | undefined> {
    this.#step('stat', [...READING_WORKS, 'EMFILE'])
    return this.#io.size(path)
  }

  async freeBytes(path: string): Promise<number> {
    this.#step('statfs', [...READING_WORKS, 'EMFILE'])
    return this.#io.freeBytes(path)
  }

  async #open<File extends IoFile | undefined>(what: string, open: () => Promise<File>): Promise<File> {
    this.#step(what, what === 'open' ? READING_WORKS : [])
    const file = await open()
    if (file === undefined) return file
    this.#openFiles += 1
    return this.#wrap(file) as File
  }

  #wrap(file: IoFile): IoFile {
    return {
      read: async (buffer, position) => {
        this.#step('read', [...READING_WORKS, 'EMFILE'])
        return file.read(buffer, position)
      },
      write: async (bytes, position) => {
        try {
          this.#step('write', ['EMFILE', 'EROFS'])
        } catch (error) {
          await file.write(bytes.subarray(0, bytes.length >> 1), position)
          throw error
        }
        await file.write(bytes, position)
      },
      size: async () => {
        this.#step('fstat', [...READING_WORKS, 'EMFILE'])
        return file.size()
      },
      sync: async () => {
        this.#step('fsync', ['EMFILE', 'EROFS'])
        await file.sync()
      },
      close: async () => {
        this.#openFiles -= 1
        await file.close()
        this.#step('close', ['EMFILE', 'EROFS'])
      },
    }
  }

  #step(what: string, immuneTo: readonly Errno[]): void {
    this.#steps += 1
    const fault = this.#fault
    if (fault === undefined || immuneTo.includes(fault.errno)) return
    if (fault.isLasting === true ? this.#steps < fault.step : this.#steps !== fault.step) return
    this.#hits += 1
    throw Object.assign(new Error(`${fault.errno}: injected at step ${this.#steps}, ${what}`), { code: fault.errno })
  }
}

/** These leave reading alone. */
const READING_WORKS: readonly Errno[] = ['ENOSPC', 'EDQUOT', 'EROFS']

/**
 * Walks a fault through an operation: runs it with step 1 failing, then 2, and so on until it runs past its end, for each kind of fault, once
 * and from then on. `run` prepares afresh each time, calls `arm` right before the operation, and asserts what must hold; it says how many steps the
 * operation took.
 */
export async function walkFaults(
  errnos: readonly Errno[],
  run: (fault: Fault) => Promise<{ readonly steps: number }>,
): Promise<number> {
  let runs = 0
  for (const errno of errnos) {
    for (const isLasting of [false, true]) {
      for (let step = 1; ; step += 1) {
        runs += 1
        const { steps } = await run({ step, errno, isLasting })
        if (steps < step) break
      }
    }
  }
  return runs
}
