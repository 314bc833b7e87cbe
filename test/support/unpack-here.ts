import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { type ArchiveLimits, DEFAULT_LIMITS } from '../../storage/archive/policy.ts'
import { type Blake3, hashBlake3 } from '../../storage/digest.ts'
import { ArchiveRefusedError } from '../../storage/errors.ts'
import { diskSyncIo, type SyncIo } from '../../storage/io.ts'
import { parseManifest } from '../../storage/manifest.ts'
import type { Tree } from '../../storage/model.ts'
import { helpUnpack } from '../../storage/unpack/help.ts'
import { Helper } from '../../storage/unpack/helper.ts'
import type { UnpackResult } from '../../storage/unpack/unpack-result.ts'
import { unpackWheel } from '../../storage/unpack/unpack-wheel.ts'
import { withUnpackMemory } from './with-unpack-memory.ts'

/** An archive unpacked in this thread, into a folder that goes when this is disposed of. */
export interface UnpackedHere extends AsyncDisposable {
  readonly result: UnpackResult
  readonly tree: Tree
  /** Contents of all blobs that were written, each found to have its digest. */
  readonly blobs: ReadonlyMap<Blake3, Buffer>
  /** Contents of all files. */
  readonly files: ReadonlyMap<string, Buffer>
}

export interface UnpackHereOptions {
  readonly io?: SyncIo
  readonly limits?: Partial<ArchiveLimits>
  readonly stored?: ReadonlySet<Blake3>
  /** A helper takes part of the work, as a second thread would. */
  readonly isHelped?: boolean
}

/** Unpacks an archive given as bytes or by its path. When it throws, it has seen that no file was left. */
export async function unpackHere(archive: Buffer | string, options: UnpackHereOptions = {}): Promise<UnpackedHere> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-unpack-'))
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    const wheelPath = typeof archive === 'string' ? archive : join(folder, 'wheel')
    if (typeof archive !== 'string') await writeFile(wheelPath, archive)
    const limits = { ...DEFAULT_LIMITS, ...options.limits }
    const job = { wheelPath, staging: join(folder, 'staged'), limits }
    const findStored = async (blake3s: readonly Blake3[]): Promise<Set<Blake3>> =>
      new Set(blake3s.filter((blake3) => options.stored?.has(blake3) === true))
    const { signal } = new AbortController()
    const io = options.io ?? diskSyncIo
    let helping: Promise<void> = Promise.resolve()
    const findHelper = async (): Promise<Helper | undefined> => {
      if (options.isHelped !== true) return undefined
      const { port1, port2 } = new MessageChannel()
      const helpJob = { wheelPath, staging: join(folder, 'staged-help') }
      helping = withUnpackMemory((memory) => helpUnpack(io, helpJob, port2, { findStored, memory, signal }))
      return new Helper(port1)
    }
    let result: UnpackResult
    try {
      result = await withUnpackMemory((memory) => unpackWheel(io, job, { findStored, memory, signal, findHelper }))
      await helping
    } catch (error) {
      await helping
      const left = (await readdir(folder)).filter((name) => name.startsWith('staged'))
      if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`, { cause: error })
      throw error
    }
    const tree = await parseManifest(result.manifest)
    const blobs = await readBlobs(result)
    const files = new Map(tree.files.map((file) => [file.path as string, blobs.get(file.blake3) ?? Buffer.alloc(0)]))
    return { result, tree, blobs, files, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** Why an archive is refused; undefined where it is not. */
export async function findRefusal(
  archive: Buffer | string,
  options: UnpackHereOptions = {},
): Promise<ArchiveRefusedError | undefined> {
  try {
    await using _ = await unpackHere(archive, options)
    return undefined
  } catch (error) {
    if (error instanceof ArchiveRefusedError) return error
    throw error
  }
}

/** Reads all blobs that were written. Throws where one is not what its digest says, or not where it should be. */
export async function readBlobs({ staged, unpacked }: UnpackResult): Promise<Map<Blake3, Buffer>> {
  const whole = new Map<Blake3, Buffer>()
  for (const { path, blake3 } of staged) whole.set(blake3, await readFile(path))
  const blobs = new Map<Blake3, Buffer>()
  for (const [blake3, place] of unpacked.placed) {
    const file = whole.get(place.kind === 'packed' ? place.pack : blake3)
    const bytes = place.kind === 'packed' ? file?.subarray(place.offset, place.offset + place.size) : file
    if (bytes?.length !== place.size || hashBlake3(bytes) !== blake3)
      throw new Error(`${blake3} is not where it should be`)
    blobs.set(blake3, bytes)
  }
  return blobs
}
