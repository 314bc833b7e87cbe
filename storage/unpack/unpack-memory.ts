import { MAX_WHOLE_BYTES } from '../archive/contents.ts'
import { Inflater } from '../archive/inflater.ts'
import { Batch } from './batch.ts'

/** What a thread unpacks in, one share after the other: made once, since new memory takes as long as to fill it. */
export class UnpackMemory {
  readonly inflater = new Inflater(MAX_WHOLE_BYTES)

  /** For one share: one is filled while the other is written. */
  takeBatches(): readonly [Batch, Batch] {
    const [one, other] = this.inflater.rooms
    return [new Batch(one), new Batch(other)]
  }
}
