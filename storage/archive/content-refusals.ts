import { ArchiveRefusedError } from '../errors.ts'
import type { Member } from './member.ts'

/** zlib's verdicts on the bytes as refusals; anything else as it is. */
export function asRefusal(error: unknown, member: Member): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ERR_BUFFER_TOO_LARGE') return wrongSize(member)
  if (code !== 'Z_DATA_ERROR' && code !== 'Z_BUF_ERROR' && code !== 'Z_NEED_DICT') return error
  return notDeflate(member)
}

export function notDeflate(member: Member): ArchiveRefusedError {
  return new ArchiveRefusedError('deflate', 'it is not a complete deflate stream', member.path)
}

/** More than one stream, or bytes that belong to none. */
export function leftOver(member: Member): ArchiveRefusedError {
  return new ArchiveRefusedError('deflate', 'bytes follow its deflate stream', member.path)
}

export function wrongSize(member: Member): ArchiveRefusedError {
  return new ArchiveRefusedError('size', `it does not unpack to ${member.size} bytes`, member.path)
}

export function wrongChecksum(member: Member): ArchiveRefusedError {
  return new ArchiveRefusedError('checksum', 'its CRC-32 is wrong', member.path)
}
