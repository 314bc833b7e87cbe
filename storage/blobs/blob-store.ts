import type { Blake3 } from '../digest.ts'
import type { FileStamp } from '../io.ts'
import type { CheckOptions, FileState } from './check-file.ts'

export type { FileState } from './check-file.ts'

/**
 * Whole files of bytes by their BLAKE3: large blobs and packs. It knows neither what they mean nor who needs them; which small
 * blob lies in which pack is the catalog's to say. Every implementation passes `test/contract/blob-store.ts`.
 */
export interface BlobStore {
  /** A new path for a temporary file on this machine, which nobody else uses; {@link adopt} is cheap for a file there. */
  stage(): string
  /** Removes a staged file that is not wanted after all; no error where there is none. */
  discard(path: string): Promise<void>
  /**
   * Makes finished, closed files into blobs. When it resolves the staged paths are gone, and what had their names was replaced. All or nothing per
   * file: when it rejects, each is either a blob or still staged, and the caller discards it. The caller vouches for the digests. Throws
   * {@link StoreFullError}.
   */
  adopt(files: readonly StagedFile[], options?: AdoptOptions): Promise<void>
  /**
   * Makes an adopted file survive a power cut; one that is gone counts as done. Throws the error of the disk: then the file may be damaged without
   * looking so, since the kernel takes for written what it could not write.
   */
  sync(blake3: Blake3): Promise<void>
  /** Undefined where there is none. The caller closes what it gets. Throws {@link BlobDamagedError} where the disk cannot read it. */
  open(blake3: Blake3): Promise<OpenBlob | undefined>
  /** Path of a file on this machine that has the blob's bytes, for a worker thread to read; undefined where there is none. */
  localPath(blake3: Blake3): Promise<string | undefined>
  /** Removes blobs; those that are not there count as removed. Who has one open may read it to its end. */
  remove(blake3s: Iterable<Blake3>): Promise<void>
  /** Closes kept descriptors of what another process has removed: as long as they are open, its bytes stay on the disk. */
  forgetRemoved(): Promise<void>
  /**
   * Reads a blob afresh and compares it with its digest; who opens it after that reads the same file. Throws where it cannot be read for another reason
   * than damage, which says nothing of the blob.
   */
  check(blake3: Blake3, options?: CheckOptions): Promise<FileState>
  /**
   * Takes a blob away from readers, and keeps its bytes aside for a while, for people; no error where there is none. Who has it open may read it
   * to its end. `now`: milliseconds since the epoch. When it resolves, that survives a power cut. Throws {@link StoreFullError}.
   */
  quarantine(blake3: Blake3, now: number): Promise<void>
  /** Removes what has been in quarantine for long, and the oldest of what is too much. */
  sweepQuarantine(now: number): Promise<void>
  /** The right to scrub, for one at a time of all that have these blobs open; undefined: somebody else has it. It ends with the process. */
  claimScrub(): Disposable | undefined
  /** Every blob there is, in no order. */
  list(): AsyncIterable<Blake3>
  /** Closes kept descriptors; staged files of this process are removed. */
  close(): Promise<void>
}

export interface AdoptOptions {
  /** `now` (default): the files were fsynced, and when it resolves they survive a power cut as blobs. `later`: {@link BlobStore.sync} sees to that. */
  readonly durable?: 'now' | 'later'
}

export interface StagedFile {
  readonly path: string
  readonly blake3: Blake3
}

/** A blob that is open for reading by position. Any number of readers may share one underlying descriptor. */
export interface OpenBlob {
  readonly blake3: Blake3
  /** Bytes. */
  readonly size: number
  /** Fills `buffer` from `position`; returns the bytes read, less than asked only at the end. Throws {@link BlobDamagedError} likewise. */
  read(buffer: Uint8Array, position: number): Promise<number>
  /** The state of the file now. */
  stamp(): FileStamp
  /** Gives it back. Once. */
  close(): void
}
