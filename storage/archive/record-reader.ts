import type { Readable } from 'node:stream'
import { type Entry, fromRandomAccessReader, RandomAccessReader, type ZipFile } from 'yauzl'
import type { ArchiveFile } from './archive-file.ts'
import type { ArchiveEnd } from './end-record.ts'

/**
 * yauzl over a central directory that is in memory. Its reads are answered at once, so it parses without a turn of the event loop, one
 * record per call.
 */
export class RecordReader {
  readonly #zip: ZipFile
  #outcome: Entry | Error | undefined

  /** `directory`: the bytes that `end` describes. */
  constructor(file: ArchiveFile, end: ArchiveEnd, directory: Buffer) {
    // Names stay raw and sizes unchecked: our own rules for both are stricter.
    const settings = { lazyEntries: true, autoClose: false, decodeStrings: false, validateEntrySizes: false }
    const source = new MemoryReader(file, end.directoryOffset, directory)
    let zip: ZipFile | undefined
    fromRandomAccessReader(source, file.size, settings, (error, opened) => {
      if (error !== null) throw error
      zip = opened
    })
    if (zip === undefined) throw new Error('yauzl did not answer at once')
    zip.on('entry', (entry: Entry) => (this.#outcome = entry))
    zip.on('error', (error: Error) => (this.#outcome = error))
    this.#zip = zip
  }

  /** The next record. Throws yauzl's own error. */
  next(): Entry {
    this.#outcome = undefined
    this.#zip.readEntry()
    // Set by the listeners, meanwhile.
    const outcome = this.#outcome as Entry | Error | undefined
    if (outcome === undefined) throw new Error('yauzl did not answer at once')
    if (outcome instanceof Error) throw outcome
    return outcome
  }
}

type ReadCallback = (error: Error | null, bytesRead: number) => void

class MemoryReader extends RandomAccessReader {
  readonly #file: ArchiveFile
  readonly #offset: number
  readonly #directory: Buffer

  constructor(file: ArchiveFile, offset: number, directory: Buffer) {
    super()
    this.#file = file
    this.#offset = offset
    this.#directory = directory
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, callback: unknown): void {
    const start = position - this.#offset
    if (start >= 0 && start + length <= this.#directory.length) {
      this.#directory.copy(buffer, offset, start, start + length)
    } else {
      this.#file.read(buffer.subarray(offset, offset + length), position)
    }
    ;(callback as ReadCallback)(null, length)
  }

  override _readStreamForRange(): Readable {
    throw new Error('only the directory is read through yauzl')
  }
}
