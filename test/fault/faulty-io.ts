import { diskSyncIo, type Io, type IoFile, type SyncIo } from '../../storage/io.ts'

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
 * Nothing is synced for real: it is only the failing that matters, and a disk is slow.
 */
export class FaultyIo implements Io {
  readonly #io: Io
  #fault: Fault | undefined
  #steps = 0
  #openFiles = 0
  #hits = 0
  #immunities: (readonly Errno[])[] = []

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

  /** What each step since {@link arm} cannot fail with. */
  get immunities(): readonly (readonly Errno[])[] {
    return this.#immunities
  }

  get openFiles(): number {
    return this.#openFiles
  }

  /** From now on counts anew, and fails as told; without a fault nothing fails. */
  arm(fault?: Fault): void {
    this.#fault = fault
    this.#steps = 0
    this.#hits = 0
    this.#immunities = []
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

  async nameIfFree(from: string, to: string): Promise<boolean> {
    this.#step('link', ['EMFILE'])
    return this.#io.nameIfFree(from, to)
  }

  async makePrivate(path: string): Promise<boolean> {
    this.#step('chmod', ['EMFILE', 'ENOSPC', 'EDQUOT'])
    return this.#io.makePrivate(path)
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

  async syncFile(path: string): Promise<void> {
    // Nothing is synced, but what is not there cannot be.
    const file = await this.openIfPresent(path)
    if (file === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' })
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  }

  async syncFolder(): Promise<void> {
    this.#step('fsync folder', ['EROFS'])
  }

  async list(path: string): Promise<readonly string[]> {
    this.#step('readdir', READING_WORKS)
    return this.#io.list(path)
  }

  async size(path: string): Promise<number | undefined> {
    this.#step('stat', [...READING_WORKS, 'EMFILE'])
    return this.#io.size(path)
  }

  async identify(path: string): Promise<string | undefined> {
    this.#step('stat', [...READING_WORKS, 'EMFILE'])
    return this.#io.identify(path)
  }

  async freeBytes(path: string): Promise<number> {
    this.#step('statfs', [...READING_WORKS, 'EMFILE'])
    return this.#io.freeBytes(path)
  }

  /** The door of worker threads to the same disk. */
  get blocking(): SyncIo {
    const step = (what: string, immuneTo: readonly Errno[]): void => this.#step(what, immuneTo)
    const opened = (descriptor: number): number => {
      this.#openFiles += 1
      return descriptor
    }
    const append: SyncIo['append'] = (descriptor, bytes) => {
      try {
        step('write', ['EMFILE', 'EROFS'])
      } catch (error) {
        diskSyncIo.append(descriptor, bytes.subarray(0, bytes.length >> 1))
        throw error
      }
      diskSyncIo.append(descriptor, bytes)
    }
    return {
      open: (path) => (step('open', READING_WORKS), opened(diskSyncIo.open(path))),
      create: (path) => (step('create', []), opened(diskSyncIo.create(path))),
      read(descriptor, buffer, position) {
        step('read', [...READING_WORKS, 'EMFILE'])
        return diskSyncIo.read(descriptor, buffer, position)
      },
      append,
      appendBeside: async (descriptor, bytes) => append(descriptor, bytes),
      size: (descriptor) => (step('fstat', [...READING_WORKS, 'EMFILE']), diskSyncIo.size(descriptor)),
      close: (descriptor) => {
        this.#openFiles -= 1
        diskSyncIo.close(descriptor)
        step('close', ['EMFILE', 'EROFS'])
      },
      remove(path) {
        step('remove', ['EMFILE', 'ENOSPC', 'EDQUOT'])
        diskSyncIo.remove(path)
      },
    }
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
      stamp: () => {
        this.#step('fstat', [...READING_WORKS, 'EMFILE'])
        return file.stamp()
      },
      sync: async () => {
        this.#step('fsync', ['EMFILE', 'EROFS'])
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
    this.#immunities.push(immuneTo)
    const fault = this.#fault
    if (fault === undefined || immuneTo.includes(fault.errno)) return
    if (fault.isLasting === true ? this.#steps < fault.step : this.#steps !== fault.step) return
    this.#hits += 1
    throw Object.assign(new Error(`${fault.errno}: injected at step ${this.#steps}, ${what}`), { code: fault.errno })
  }
}

/** These leave reading alone. */
const READING_WORKS: readonly Errno[] = ['ENOSPC', 'EDQUOT', 'EROFS']

/** Runs that go on at once: mostly they wait for the disk, which syncs what SQLite writes for real. */
const AT_ONCE = 4

/**
 * Walks a fault through an operation: runs it with step 1 failing, then 2, and so on until it runs past its end, for each kind of fault, once
 * and, for those of `lasting` (by default all), from then on. `run` prepares afresh each time, calls `arm` right before the operation, and asserts
 * what must hold; it says how many steps the operation took. Steps that `immunities` (of a run without a fault) say cannot fail so are left out.
 */
export async function walkFaults(
  errnos: readonly Errno[],
  run: (fault: Fault) => Promise<{ readonly steps: number }>,
  options: { readonly lasting?: readonly Errno[]; readonly immunities?: readonly (readonly Errno[])[] } = {},
): Promise<number> {
  const { lasting = errnos, immunities = [] } = options
  let runs = 0
  for (const errno of errnos) {
    for (const isLasting of lasting.includes(errno) ? [false, true] : [false]) {
      let isPast = false
      let next = 1
      const fail = (error: unknown): never => {
        isPast = true
        throw error
      }
      const walk = async (): Promise<void> => {
        while (!isPast) {
          const step = next++
          if (immunities[step - 1]?.includes(errno) === true) continue
          runs += 1
          // Where one fails, no others are begun.
          isPast = (await run({ step, errno, isLasting }).catch(fail)).steps < step || isPast
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, walk))
    }
  }
  return runs
}
