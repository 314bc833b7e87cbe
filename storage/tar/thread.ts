import { NO_LIMITS } from '../archive/policy.ts'
import { openArchive } from '../archive/archive.ts'
import { diskSyncIo } from '../io.ts'
import { type Outcome, toFailure } from '../unpack/messages.ts'
import { layOutTarGz, type TarGzLayout } from './tar-gz-layout.ts'

/** A wheel that has a tree, to be laid out, in values that can be sent to a thread. */
export interface LayOutJob {
  readonly wheelPath: string
}

/** Lays out a wheel's tree in a worker thread. Never throws: an error would lose its fields on the way to the other thread. */
export function layOutInThread(job: LayOutJob): Outcome<TarGzLayout> {
  try {
    return { kind: 'done', result: layOut(job) }
  } catch (error) {
    return toFailure(error)
  }
}

function layOut({ wheelPath }: LayOutJob): TarGzLayout {
  const archive = openArchive(diskSyncIo, wheelPath, NO_LIMITS)
  try {
    return layOutTarGz(archive.members)
  } finally {
    archive.close()
  }
}
