import { spawn } from 'node:child_process'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryFolder } from './paths.ts'

/**
 * A file system of its own, small and real, that only processes started by way of {@link through} see at its path; we see it too, elsewhere. It goes
 * when this is disposed of.
 */
export interface SmallDisk extends AsyncDisposable {
  /** As those processes name it, which run in the checkout. */
  readonly path: string
  /** As we name it. */
  readonly seen: string
  /** A command, to which another one is appended. */
  readonly through: readonly string[]
  /** Takes what is left of it. */
  fill(): Promise<void>
  /** Gives that back. */
  free(): Promise<void>
}

/** It ends with us, whatever becomes of us: then nobody writes to it any more. */
const MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$2" && echo mounted && exec cat'

/** Undefined where this machine lets nobody make one (Linux with user namespaces does). */
export async function openSmallDisk(bytes: number): Promise<SmallDisk | undefined> {
  const path = await mkdtemp(join(tmpdir(), 'arbor-disk-'))
  const args = ['--user', '--map-root-user', '--mount', 'sh', '-c', MOUNT, 'sh', String(bytes), path]
  const keeper = spawn('unshare', args, { stdio: ['pipe', 'pipe', 'ignore'] })
  const ended = new Promise<void>((resolve) => {
    keeper.once('error', () => resolve())
    keeper.once('close', () => resolve())
  })
  const mounted = new Promise<boolean>((resolve) => {
    keeper.stdout.once('data', () => resolve(true))
    void ended.then(() => resolve(false))
  })
  const remove = async (): Promise<void> => {
    keeper.kill('SIGKILL')
    await ended
    await rm(path, { recursive: true })
  }
  if (!(await mounted)) {
    await remove()
    return undefined
  }
  const seen = `/proc/${keeper.pid}/root${path}`
  const filler = join(seen, 'filler')
  return {
    path,
    seen,
    through: [
      'nsenter',
      '--target',
      String(keeper.pid),
      '--user',
      '--preserve-credentials',
      '--mount',
      `--wdns=${repositoryFolder}`,
    ],
    fill: () => fillDisk(filler),
    free: () => rm(filler),
    [Symbol.asyncDispose]: remove,
  }
}

async function fillDisk(path: string): Promise<void> {
  await using file = await open(path, 'a')
  for (let size = 1 << 20; size > 0;) {
    try {
      // What fits of it is written: a short write, before the next one fails.
      await file.write(Buffer.alloc(size))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
      size >>= 1
    }
  }
}
