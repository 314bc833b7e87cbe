import { ArchiveRefusedError } from '../errors.ts'

/**
 * A comment, of the archive or of a member, is ignored, but must not be a place to hide a second archive: every signature of the format
 * holds a byte below 0x20 (test/hostile, rows 5 and 6). Throws {@link ArchiveRefusedError}.
 */
export function assertPlainComment(comment: Uint8Array, whose: string, path?: string): void {
  if (!comment.every(isPlain)) {
    throw new ArchiveRefusedError('comment', `the comment of ${whose} holds control characters`, path)
  }
}

/** Tab, line feed, carriage return, printable ASCII, and whatever encoding the bytes from 0x80 are. */
function isPlain(byte: number): boolean {
  return (byte >= 0x20 && byte !== 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d
}
