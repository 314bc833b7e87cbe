import { ArchiveRefusedError } from '../errors.ts'

/** The highest version of the format that is defined, 6.3. */
const MAX_VERSION = 63
const ENCRYPTED = 0x0001
const PATCHED = 0x0020
const STRONGLY_ENCRYPTED = 0x0040
const HIDDEN_HEADERS = 0x2000

/** Stored, and deflated. */
const METHODS = new Set([0, 8])

/** What a header says is needed to read its member. */
interface Features {
  readonly version: number
  readonly flags: number
  readonly method: number
}

/** Throws {@link ArchiveRefusedError} for what no installer unpacks (test/hostile, rows 26 to 28). */
export function assertSupported({ version, flags, method }: Features, path: string): void {
  if ((flags & (ENCRYPTED | STRONGLY_ENCRYPTED | HIDDEN_HEADERS)) !== 0) {
    throw new ArchiveRefusedError('encrypted', 'it is encrypted', path)
  }
  if ((flags & PATCHED) !== 0) throw new ArchiveRefusedError('unsupported', 'it is a patch of other bytes', path)
  // The high byte says on which system: 7-Zip writes 0x030A.
  if ((version & 0xff) > MAX_VERSION) {
    throw new ArchiveRefusedError('unsupported', `it needs version ${version & 0xff} of the format`, path)
  }
  if (!METHODS.has(method)) throw new ArchiveRefusedError('unsupported', `it is compressed with method ${method}`, path)
}
