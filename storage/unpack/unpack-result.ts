import type { StagedFile } from '../blobs/blob-store.ts'
import type { UnpackedTree } from '../catalog/catalog.ts'
import type { RecordVerdict } from '../model.ts'
import type { UncheckedBlob } from './record-hash.ts'

/** A wheel's tree, ready to be committed once the staged files are adopted. */
export interface UnpackResult {
  /** RECORD's verdict is the one that holds if `unchecked` are right; if one of them is not, it is `hashes`. */
  readonly unpacked: UnpackedTree & { readonly record: RecordVerdict }
  readonly unchecked: readonly UncheckedBlob[]
  /** Finished and closed, not synced: packs, and blobs that are too large for them. */
  readonly staged: readonly StagedFile[]
  /** The canonical bytes, which are among the blobs as well. */
  readonly manifest: Uint8Array
}
