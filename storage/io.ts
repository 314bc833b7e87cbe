import * as fs from 'node:fs'
import { chmod, link, mkdir, open, readdir, rename, rm, stat, statfs, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * The only door to the file system. An `Io` is passed to whoever needs the disk, so that a test can put one in its place
 * that fails at the n-th step; node's own errors (`ENOSPC`, `EIO` …) come through unchanged.
 */
export interface Io {
  /** Creates a file that must not exist yet, for reading and writing; and its folder, where somebody removed that while we run. */
  create(path: string): Promise<IoFile>
  /** Opens a file for reading; undefined where there is none. */
  openIfPresent(path: string): Promise<IoFile | undefined>
  /** Gives a file its name, replacing what had it. Both on one file system. */
  rename(from: string, to: string): Promise<void>
  /**
   * Gives a file a name, unless something has it: then false, and the file stays. Both on one file system; on one without hard links, the last
   * of two that do so at once wins.
   */
  nameIfFree(from: string, to: string): Promise<boolean>
  /** Lets nobody write to a file, its owner included; where the platform then could not rename or remove it, nothing. */
  makeReadOnly(path: string): Promise<void>
  /** Lets nobody but its owner read or write a file; whether others could. Where the platform has no such modes, nothing. */
  makePrivate(path: string): Promise<boolean>
  /** Removes a file or a folder with all it holds; no error where there is none. */
  remove(path: string): Promise<void>
  /** Makes a folder and those above it. */
  makeFolder(path: string): Promise<void>
  /** fsyncs a file: what was written to it, by whatever descriptor, survives a power cut. */
  syncFile(path: string): Promise<void>
  /** fsyncs a folder: without this a power cut can undo a rename in it. */
  syncFolder(path: string): Promise<void>
  /** Names in a folder, unsorted; empty where there is no such folder. */
  list(path: string): Promise<readonly string[]>
  /** Bytes of a file; undefined where there is none. */
  size(path: string): Promise<number | undefined>
  /** What tells the file at `path` from others that have, or had, the same name; undefined where there is none. */
  identify(path: string): Promise<string | undefined>
  /** Bytes that an unprivileged process may still write to the file system that holds `path`, or will hold it once it is made. */
  freeBytes(path: string): Promise<number>
}

/** What {@link Io} has for giving files their names. */
export type NamingIo = Pick<Io, 'rename' | 'makeReadOnly' | 'makeFolder'>

/** An open file, read and written by position only, so that any number of readers share it. */
export interface IoFile {
  /** Fills `buffer` from `position`; returns the bytes read, less than asked only at the end of the file. */
  read(buffer: Uint8Array, position: number): Promise<number>
  /** Writes all of `bytes` at `position`. */
  write(bytes: Uint8Array, position: number): Promise<void>
  /** Bytes now. */
  size(): Promise<number>
  /** Its state now: another one after each change. Blocks, since the kernel has it in memory, and to wait for a thread would take forty times as long. */
  stamp(): FileStamp
  /** fsync: what was written survives a power cut. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** The state of a file, as far as the file system tells without a look at its bytes. */
export interface FileStamp {
  /** What tells it from other files and other states: where it lies, its length, when it was changed. Whoever sets `mtime` back changes `ctime`. */
  readonly text: string
  /** When it was changed last, milliseconds since the epoch. */
  readonly changedAt: number
}

/** The real file system. */
export const diskIo: Io = {
  async create(path) {
    const create = async (): Promise<IoFile> => new DiskFile(await open(path, 'wx+', 0o600))
    try {
      return await create()
    } catch (error) {
      if (!isMissing(error)) throw error
      await diskIo.makeFolder(dirname(path))
      return create()
    }
  },
  async openIfPresent(path) {
    const handle = await ifPresent(open(path, 'r'))
    return handle && new DiskFile(handle)
  },
  rename,
  async nameIfFree(from, to) {
    try {
      await link(from, to)
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false
      await rename(from, to)
      return true
    }
    await rm(from)
    return true
  },
  async makeReadOnly(path) {
    if (process.platform !== 'win32') await chmod(path, 0o400)
  },
  async makePrivate(path) {
    if (process.platform === 'win32' || ((await stat(path)).mode & 0o077) === 0) return false
    await chmod(path, 0o600)
    return true
  },
  remove: (path) => rm(path, { force: true, recursive: true }),
  async makeFolder(path) {
    // Not by node's `recursive`, which goes on for ever where there is nothing of a name and none can be made, as in /proc.
    try {
      await makeOneFolder(path)
    } catch (error) {
      if (!isMissing(error) || dirname(path) === path) throw error
      await diskIo.makeFolder(dirname(path))
      await makeOneFolder(path)
    }
  },
  async syncFile(path) {
    // Windows has no fsync of a file that was opened for reading.
    const file = await open(path, process.platform === 'win32' ? 'r+' : 'r')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  },
  async syncFolder(path) {
    // Windows cannot open a folder, and needs no fsync of it.
    if (process.platform === 'win32') return
    const folder = await open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  },
  list: async (path) => (await ifPresent(readdir(path))) ?? [],
  async size(path) {
    return (await ifPresent(stat(path)))?.size
  },
  async identify(path) {
    const found = await ifPresent(stat(path, { bigint: true }))
    return found && `${found.dev}:${found.ino}`
  },
  async freeBytes(path) {
    try {
      const { bavail, bsize } = await statfs(path)
      return bavail * bsize
    } catch (error) {
      if (!isMissing(error) || dirname(path) === path) throw error
      return diskIo.freeBytes(dirname(path))
    }
  },
}

class DiskFile implements IoFile {
  readonly #handle: FileHandle

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  // The callback form of fs.read on the bare descriptor: FileHandle.read costs several promises more per call.
  read(buffer: Uint8Array, position: number): Promise<number> {
    const { fd } = this.#handle
    return new Promise((resolve, reject) => {
      let filled = 0
      const readMore = (): void => {
        fs.read(fd, buffer, filled, buffer.length - filled, position + filled, (error, count) => {
          if (error !== null) return reject(error)
          filled += count
          if (count === 0 || filled === buffer.length) return resolve(filled)
          return readMore()
        })
      }
      readMore()
    })
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    let written = 0
    while (written < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, written, bytes.length - written, position + written)
      written += bytesWritten
    }
  }

  // In line, as the stamp: the kernel has it in memory.
  async size(): Promise<number> {
    return fs.fstatSync(this.#handle.fd).size
  }

  stamp(): FileStamp {
    const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = fs.fstatSync(this.#handle.fd, { bigint: true })
    return { text: `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`, changedAt: Number(ctimeMs) }
  }

  sync(): Promise<void> {
    return this.#handle.sync()
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

/**
 * The same door for a worker thread, where blocking is the fastest way and nobody else waits: unpacking a wheel makes
 * thousands of small reads and writes.
 */
export interface SyncIo {
  /** Opens a file for reading; a descriptor. */
  open(path: string): number
  /** As {@link Io.create}, for writing; a descriptor. */
  create(path: string): number
  /** Fills `buffer` from `position`; returns the bytes read. */
  read(descriptor: number, buffer: Uint8Array, position: number): number
  /** Writes all of `bytes` at the end of what was written to this descriptor so far. */
  append(descriptor: number, bytes: Uint8Array): void
  /** As {@link append}, while the caller goes on. Until it resolves, `bytes` may not change, and nothing else may be appended. */
  appendBeside(descriptor: number, bytes: Uint8Array): Promise<void>
  size(descriptor: number): number
  close(descriptor: number): void
  remove(path: string): void
}

export const diskSyncIo: SyncIo = {
  open: (path) => fs.openSync(path, 'r'),
  create(path) {
    const create = (): number => fs.openSync(path, 'wx', 0o600)
    try {
      return create()
    } catch (error) {
      if (!isMissing(error)) throw error
      fs.mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      return create()
    }
  },
  read(descriptor, buffer, position) {
    let filled = 0
    while (filled < buffer.length) {
      const count = fs.readSync(descriptor, buffer, filled, buffer.length - filled, position + filled)
      if (count === 0) break
      filled += count
    }
    return filled
  },
  append(descriptor, bytes) {
    let written = 0
    while (written < bytes.length) written += fs.writeSync(descriptor, bytes, written, bytes.length - written, null)
  },
  appendBeside: (descriptor, bytes) =>
    new Promise((resolve, reject) => {
      let written = 0
      const writeMore = (): void => {
        fs.write(descriptor, bytes, written, bytes.length - written, null, (error, count) => {
          if (error !== null) return reject(error)
          written += count
          return written === bytes.length ? resolve() : writeMore()
        })
      }
      writeMore()
    }),
  size: (descriptor) => fs.fstatSync(descriptor).size,
  close: (descriptor) => fs.closeSync(descriptor),
  remove: (path) => fs.rmSync(path, { force: true }),
}

/** {@link NamingIo} for a worker thread: each call blocks until it is done, which takes a tenth of the time. */
export const blockingIo: NamingIo = {
  rename: async (from, to) => fs.renameSync(from, to),
  async makeReadOnly(path) {
    if (process.platform !== 'win32') fs.chmodSync(path, 0o400)
  },
  async makeFolder(path) {
    try {
      fs.mkdirSync(path, { mode: 0o700 })
    } catch {
      await diskIo.makeFolder(path)
    }
  },
}

/** Makes one folder; no error where it is there already. */
async function makeOneFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    // Not every platform says EEXIST of every folder that is there.
    const isThere = !isMissing(error) && (await stat(path).catch(() => undefined))?.isDirectory() === true
    if (!isThere) throw error
  }
}

/** Undefined in place of ENOENT. */
async function ifPresent<Found>(finding: Promise<Found>): Promise<Found | undefined> {
  try {
    return await finding
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** ENOENT: there is no such file, or no folder for it. */
export function isMissing(error: unknown): boolean {
  return hasCode(error, 'ENOENT')
}

/** EMFILE, ENFILE: this process, or the system, can open no more files. */
export function isOutOfDescriptors(error: unknown): boolean {
  return hasCode(error, 'EMFILE') || hasCode(error, 'ENFILE')
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
