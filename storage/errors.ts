/** Every code that an error of the storage folder can carry; stable, and what callers match on. */
export type StorageErrorCode =
  | 'ERR_MALFORMED'
  | 'ERR_DIGEST_MISMATCH'
  | 'ERR_LENGTH_MISMATCH'
  | 'ERR_ARCHIVE_REFUSED'
  | 'ERR_BLOB_DAMAGED'
  | 'ERR_STORE_FULL'
  | 'ERR_STORE_CHANGED'
  | 'ERR_STORE_FORMAT'
  | 'ERR_STORE_CLOSED'
  | 'ERR_SCRUB_RUNNING'

/** The base of every error that this folder throws on purpose: match on `code`, never on `message`. */
export abstract class StorageError extends Error {
  abstract readonly code: StorageErrorCode
}

/** Text from outside is not the digest, name or path that it should be. */
export class MalformedError extends StorageError {
  readonly code = 'ERR_MALFORMED'
  readonly what: string
  readonly text: string

  constructor(what: string, text: string, rule: string) {
    super(`${JSON.stringify(text.slice(0, 200))} is not a ${what}: ${rule}`)
    this.what = what
    this.text = text
  }
}

/** Bytes do not have the digest that they were promised to have. Both digests are `algorithm:hex`. */
export class DigestMismatchError extends StorageError {
  readonly code = 'ERR_DIGEST_MISMATCH'
  readonly expected: string
  readonly actual: string

  constructor(name: string, expected: string, actual: string) {
    super(`${name}: expected ${expected}, got ${actual}`)
    this.expected = expected
    this.actual = actual
  }
}

/** More or fewer bytes than promised. Both lengths are in bytes; `actual` may be only what was read until it was too much. */
export class LengthMismatchError extends StorageError {
  readonly code = 'ERR_LENGTH_MISMATCH'
  readonly expected: number
  readonly actual: number

  constructor(name: string, expected: number, actual: number) {
    super(`${name}: expected ${expected} bytes, got ${actual}`)
    this.expected = expected
    this.actual = actual
  }
}

/** Why no tree is made of an archive; stable, kept per digest. The numbers are the rows of test/hostile. */
export type RefusalReason =
  | 'not-a-zip' // 1, 5
  | 'trailing-data' // 3
  | 'prefix' // 4
  | 'comment' // 5, 6
  | 'directory-mismatch' // 7
  | 'gap' // 8
  | 'local-header' // 9, 11, 12
  | 'overlap' // 10
  | 'data-descriptor' // 14
  | 'checksum' // 15
  | 'size' // 16, 17
  | 'deflate' // 18, 19
  | 'limit' // 20, 21, 42
  | 'zip64' // 23
  | 'extra-field' // 24, 25
  | 'encrypted' // 26
  | 'unsupported' // 26, 27, 28
  | 'name' // 29, 30, 31, 32, 42
  | 'directory-entry' // 33
  | 'duplicate' // 35, 36
  | 'special-file' // 39, 40

/** The archive is hostile or odd, so no tree is made of it; its bytes may still be served. */
export class ArchiveRefusedError extends StorageError {
  readonly code = 'ERR_ARCHIVE_REFUSED'
  readonly reason: RefusalReason
  /** What is wrong, without the member. */
  readonly detail: string
  /** The member at fault, as text safe to print; undefined where the fault is the archive's as a whole. */
  readonly path: string | undefined

  constructor(reason: RefusalReason, detail: string, path?: string, options?: ErrorOptions) {
    super(path === undefined ? detail : `${JSON.stringify(path)}: ${detail}`, options)
    this.reason = reason
    this.detail = detail
    this.path = path
  }
}

/** A file of the blob store is missing, short, changed or unreadable on the disk. */
export class BlobDamagedError extends StorageError {
  readonly code = 'ERR_BLOB_DAMAGED'
  /** The file's: of a small blob that lies in a pack, the pack's. */
  readonly blake3: string

  constructor(blake3: string, detail: string, options?: ErrorOptions) {
    super(`blob ${blake3}: ${detail}`, options)
    this.blake3 = blake3
  }
}

/** The disk, the quota or the store's own limit is full (ENOSPC, EDQUOT), or nothing may be written any more (EROFS, EACCES, EPERM). */
export class StoreFullError extends StorageError {
  readonly code = 'ERR_STORE_FULL'
}

/** What a commit relied on was pruned meanwhile: do the work again. */
export class StoreChangedError extends StorageError {
  readonly code = 'ERR_STORE_CHANGED'
}

/** The data folder was written by another, newer format, or is no data folder of ours. */
export class StoreFormatError extends StorageError {
  readonly code = 'ERR_STORE_FORMAT'
}

/** The store is shutting down and takes no more work. */
export class StoreClosedError extends StorageError {
  readonly code = 'ERR_STORE_CLOSED'
}

/** Another process, or this one, scrubs the store already. */
export class ScrubRunningError extends StorageError {
  readonly code = 'ERR_SCRUB_RUNNING'
}
