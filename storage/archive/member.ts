import type { TreePath } from '../names.ts'

/** A file or directory in an archive, of which everything but the contents was checked. */
export interface Member {
  readonly path: TreePath
  readonly isDirectory: boolean
  readonly isExecutable: boolean
  /** 0 stored, 8 deflated. */
  readonly method: number
  readonly crc32: number
  /** Bytes when unpacked; nothing may be allocated by it before the contents are known to have it. */
  readonly size: number
  /** The place of its bytes in the archive. */
  readonly dataOffset: number
  readonly compressedSize: number
}
