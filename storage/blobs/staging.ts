import { join } from 'node:path'
import { type ProcessLock, takeProcessLock } from '../catalog/process-lock.ts'
import type { Io } from '../io.ts'
import type { Layout } from '../layout.ts'

/** What we name things in staging; what else is there came with a folder that somebody had for other things before. */
const OURS = /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|unpack-[0-9a-f]{64})$/
/** How often a new lock file may be swept away by another process in the instant between its making and its locking. */
const ATTEMPTS = 5

/** This process's own folder for files that are not finished. */
export interface Staging {
  /** A path that nobody else uses. */
  nextPath(): string
  /** Whether `path` came from {@link nextPath}. */
  owns(path: string): boolean
  /** Removes the folder with all it holds. */
  close(): Promise<void>
}

/**
 * Makes a staging folder that is ours for as long as this process lives, and removes those of processes that are dead. A lock file
 * *beside* the folder says which is which: it is locked before the folder is made, and removed after it, so a folder without a locked
 * one is debris; and a lock file is only ever removed by who holds it.
 */
export async function openStaging(io: Io, layout: Layout): Promise<Staging> {
  await io.makeFolder(layout.staging)
  const { id, lock } = await claim(io, layout)
  const folder = layout.stagingFolder(id)
  const close = (): Promise<void> => removeClaimed(io, layout, id, lock)
  try {
    await io.makeFolder(folder)
  } catch (error) {
    await close().catch(() => {}) // best effort: the next process to open the store sweeps it
    throw error
  }
  // Best effort: what a failing disk keeps us from sweeping does no harm, and the next open tries again.
  await sweepStaging(io, layout).catch(() => {})
  let count = 0
  return {
    nextPath: () => join(folder, String((count += 1))),
    owns: (path) => path.startsWith(join(folder, '/')),
    close,
  }
}

async function claim(io: Io, layout: Layout): Promise<{ id: string; lock: ProcessLock }> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const id = crypto.randomUUID()
    const path = layout.stagingLock(id)
    const lock = await takeLock(io, layout, id)
    if (typeof lock === 'string') continue
    try {
      // Another process's sweep may have come between the making and the locking: then we hold a file without a name.
      if ((await io.size(path)) !== undefined) return { id, lock }
      lock.release()
    } catch (error) {
      await io.remove(path).catch(() => {}) // best effort: an unlocked file is swept at the next open
      lock.release()
      throw error
    }
  }
  throw new Error(`no lock can be held in ${layout.staging}: does its file system support locks?`)
}

async function takeLock(io: Io, layout: Layout, id: string): Promise<ReturnType<typeof takeProcessLock>> {
  try {
    return takeProcessLock(layout.stagingLock(id), { create: true })
  } catch (error) {
    // SQLite does not say why it could not make its file; this does.
    await io.makeFolder(layout.stagingFolder(id))
    await io.remove(layout.stagingFolder(id))
    throw error
  }
}

/** Removes what processes that are dead left in staging, and never what a live one has there, in whatever container it runs. */
export async function sweepStaging(io: Io, layout: Layout): Promise<void> {
  const names = await io.list(layout.staging)
  for (const id of new Set(names.map((name) => name.replace(/\.lock$/, '')))) {
    if (!OURS.test(id)) continue
    const lock = takeProcessLock(layout.stagingLock(id), { create: false })
    if (lock === 'held') continue
    if (lock === 'absent') await io.remove(layout.stagingFolder(id))
    else await removeClaimed(io, layout, id, lock)
  }
}

/** The lock file goes last, and while the lock is held, so that nobody finds a folder of somebody live without one. */
async function removeClaimed(io: Io, layout: Layout, id: string, lock: ProcessLock): Promise<void> {
  try {
    await io.remove(layout.stagingFolder(id))
    // Windows removes no file that is open.
    if (process.platform === 'win32') lock.release()
    await io.remove(layout.stagingLock(id))
  } finally {
    lock.release()
  }
}
