import { constants, setPriority } from 'node:os'
import type { MessagePort } from 'node:worker_threads'
import { nameBlobs, type NamingJob } from '../blobs/naming.ts'
import { blockingIo, diskSyncIo } from '../io.ts'
import { flattenResult, type FlatResult } from './flat.ts'
import { type HelpJob, helpUnpack } from './help.ts'
import { Helper } from './helper.ts'
import { MainLine } from './main-line.ts'
import { type Outcome, toFailure } from './messages.ts'
import { hasHash, type ListedHash } from './record-hash.ts'
import { UnpackMemory } from './unpack-memory.ts'
import { type UnpackJob, unpackWheel } from './unpack-wheel.ts'

/** A wheel to unpack, and the line on which to ask what is stored. */
export interface UnpackThreadJob extends UnpackJob {
  readonly port: MessagePort
}

/** A wheel whose first thread, on the line `leader`, has a share for another one. */
export interface HelpThreadJob extends HelpJob {
  readonly port: MessagePort
  readonly leader: MessagePort
}

/** A file that may be what RECORD says. */
export interface HashThreadJob extends ListedHash {
  readonly path: string
}

// On Linux 0 is the calling thread, elsewhere the whole process, which must stay as it is.
if (process.platform === 'linux') {
  try {
    setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // best effort: a container may forbid it
  }
}

let memory: UnpackMemory | undefined

/** Unpacks one wheel in a worker thread. Never rejects: an error would lose its fields on the way to the other thread. */
export async function unpackInThread({ port, ...job }: UnpackThreadJob): Promise<Outcome<FlatResult>> {
  const main = new MainLine(port)
  try {
    const { findStored, signal } = main
    const findHelper = async (): Promise<Helper | undefined> => {
      const line = await main.findHelper()
      return line === undefined ? undefined : new Helper(line)
    }
    const result = await unpackWheel(diskSyncIo, job, { findStored, memory: takeMemory(), signal, findHelper })
    return { kind: 'done', result: flattenResult(result) }
  } catch (error) {
    return toFailure(error)
  } finally {
    main.close()
  }
}

/** Helps another thread with its wheel. */
export async function helpInThread({ port, leader, ...job }: HelpThreadJob): Promise<void> {
  const main = new MainLine(port)
  try {
    const { findStored, signal } = main
    await helpUnpack(diskSyncIo, job, leader, { findStored, memory: takeMemory(), signal })
  } finally {
    // Also where there was no memory: the leader waits for whoever is on the line.
    leader.close()
    main.close()
  }
}

/** Compares one large file with RECORD, when its tree is there. */
export function hashInThread({ path, ...listed }: HashThreadJob): Outcome<boolean> {
  try {
    return { kind: 'done', result: hasHash(diskSyncIo, path, listed) }
  } catch (error) {
    return toFailure(error)
  }
}

/** Names blobs. Here, since a thread that had to load another file for it would take ten times as long. */
export async function nameInThread(job: NamingJob): Promise<Outcome<undefined>> {
  try {
    await nameBlobs(blockingIo, job)
    return { kind: 'done', result: undefined }
  } catch (error) {
    return toFailure(error)
  }
}

/** A thread unpacks one thing at a time. */
function takeMemory(): UnpackMemory {
  return (memory ??= new UnpackMemory())
}
