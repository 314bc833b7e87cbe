import { constants, setPriority } from 'node:os'
import type { MessagePort } from 'node:worker_threads'
import { diskSyncIo } from '../io.ts'
import { type Answer, type Outcome, type Question, toOutcome } from './messages.ts'
import { type UnpackJob, unpackWheel } from './unpack-wheel.ts'
import type { FindStored } from './blob-writer.ts'

/** A wheel to unpack, and the line on which to ask what is stored. */
export interface ThreadJob extends UnpackJob {
  readonly port: MessagePort
}

// On Linux 0 is the calling thread, elsewhere the whole process, which must stay as it is.
if (process.platform === 'linux') {
  try {
    setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // best effort: a container may forbid it
  }
}

/** Unpacks one wheel in a worker thread. Never rejects: an error would lose its fields on the way to the other thread. */
export async function unpackInThread({ port, ...job }: ThreadJob): Promise<Outcome> {
  const stopping = new AbortController()
  try {
    return { kind: 'unpacked', result: await unpackWheel(diskSyncIo, job, listen(port, stopping)) }
  } catch (error) {
    return toOutcome(error)
  } finally {
    port.close()
  }
}

function listen(port: MessagePort, stopping: AbortController): { findStored: FindStored; signal: AbortSignal } {
  const waiting = new Map<number, (answer: Extract<Answer, { kind: 'stored' }>) => void>()
  let count = 0
  port.on('message', (answer: Answer) => {
    if (answer.kind === 'stop') {
      stopping.abort()
      return
    }
    waiting.get(answer.id)?.(answer)
    waiting.delete(answer.id)
  })
  const findStored: FindStored = (blake3s) => {
    const id = (count += 1)
    const { promise, resolve, reject } = Promise.withResolvers<ReadonlySet<(typeof blake3s)[number]>>()
    waiting.set(id, ({ stored }) => resolve(new Set(stored)))
    stopping.signal.addEventListener('abort', () => reject(stopping.signal.reason as Error), { once: true })
    port.postMessage({ id, blake3s } satisfies Question)
    return promise
  }
  return { findStored, signal: stopping.signal }
}
