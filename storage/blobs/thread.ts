import { blockingIo } from '../io.ts'
import { type Outcome, toFailure } from '../unpack/messages.ts'
import { nameBlobs, type NamingJob } from './naming.ts'

/** Names blobs in a worker thread. Never rejects: an error would lose its fields on the way to the other thread. */
export async function nameInThread(job: NamingJob): Promise<Outcome<undefined>> {
  try {
    await nameBlobs(blockingIo, job)
    return { kind: 'done', result: undefined }
  } catch (error) {
    return toFailure(error)
  }
}
