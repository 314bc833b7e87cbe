import type { ByteRange } from '../../routes/content.ts'

/** How a download gets on. */
export interface Progress {
  /** Bytes that came so far. */
  readonly received: number
  /** Since upstream answered, milliseconds. */
  readonly runningMs: number
}

/** A resolver reads some 16 KiB of a wheel's end, and its directory: a megabyte or two where it has ten thousand files. Who wants more, wants the file. */
const PART_MAX_BYTES = 4 << 20
/** A part that is more than this share of the file saves too little: the whole is downloaded, which is then stored. */
const PART_OF_WHOLE = 1 / 4
/** How long a range may wait for the download that runs anyway, milliseconds: a dozen round trips to a far upstream. */
const WAIT_MAX_MS = 3000
/** The speed that a download is assumed to have before it shows, bytes per second. */
const ASSUMED_SPEED = 10e6

/**
 * Whether upstream is better asked for just these bytes of a file that is not stored, than the whole file is downloaded or,
 * where a download runs, waited for.
 */
export function isPartCheaper(range: ByteRange, size: number, progress: Progress | undefined): boolean {
  const length = range.last - range.first + 1
  if (length > PART_MAX_BYTES || length > size * PART_OF_WHOLE) return false
  return progress === undefined || waitMs(range, progress) > WAIT_MAX_MS
}

/** The assumed speed counts as one second's experience, so that a first burst, or a slow start, does not decide. */
function waitMs({ last }: ByteRange, { received, runningMs }: Progress): number {
  const missing = last + 1 - received
  const bytesPerMs = (received + ASSUMED_SPEED) / (runningMs + 1000)
  return missing / bytesPerMs
}
