import type { Blake3, Sha256 } from './digest.ts'
import type { RefusalReason } from './errors.ts'
import type { Filename, IndexName, ProjectName, TreePath } from './names.ts'

export type { RefusalReason } from './errors.ts'

/** A stored distribution: one wheel or sdist, kept byte for byte as a blob. */
export interface Distribution {
  readonly sha256: Sha256
  readonly blake3: Blake3
  /** Bytes. */
  readonly size: number
  /** Milliseconds since the epoch. */
  readonly storedAt: number
}

/** Where a distribution was seen: the same bytes may be listed by several indexes, under several names. */
export interface Sighting {
  readonly index: IndexName
  readonly project: ProjectName
  readonly filename: Filename
}

/** One file of a tree. */
export interface TreeFile {
  readonly path: TreePath
  /** Bytes. */
  readonly size: number
  readonly blake3: Blake3
  readonly executable: boolean
}

/** The contents of one unpacked wheel, and nothing else: wheels with equal contents have one tree. */
export interface Tree {
  /** BLAKE3 of the manifest's bytes. */
  readonly id: Blake3
  /** uv's hash of the directory tree, 64 hex digits; does not cover executable bits. */
  readonly dirhash: string
  /** Sorted by the UTF-8 bytes of their paths. */
  readonly files: readonly TreeFile[]
  /** Directories that hold nothing; the others follow from the files. Sorted likewise. */
  readonly emptyDirectories: readonly TreePath[]
}

/** What RECORD said of the wheel's files: all listed and right, names or hashes that differ, or no (readable) RECORD. */
export type RecordVerdict = 'ok' | 'names' | 'hashes' | 'absent'

/** The outcome of the one attempt to unpack a wheel. */
export type Unpacking =
  | {
      readonly kind: 'unpacked'
      readonly tree: Blake3
      /** `pending`: hashes of large files are being compared; the tree is whole and right without that. */
      readonly record: RecordVerdict | 'pending'
    }
  | {
      readonly kind: 'refused'
      readonly reason: RefusalReason
      readonly detail: string
      /** The member at fault, where one is. */
      readonly path: string | undefined
      /** The version of the rules that refused it: another one may decide otherwise. */
      readonly policy: number
      /** Where the reason is a limit, those that it was judged by: other ones may decide otherwise. Absent: the default ones. */
      readonly limits?: string
    }

/** Everything known of a stored distribution. */
export interface DistributionRecord extends Distribution {
  readonly sightings: readonly Sighting[]
  /** Undefined: not a wheel, or not unpacked yet. */
  readonly unpacking: Unpacking | undefined
}

/** What the catalog keeps of a tree; the files are in the manifest, which is a blob. */
export interface TreeRecord {
  readonly id: Blake3
  readonly dirhash: string
  /** uv's own id of the same content: the low 24 base-36 digits of the dirhash. */
  readonly archiveId: string
  readonly fileCount: number
  /** Sum of the files' sizes, bytes. */
  readonly size: number
}

/** A blob's place: a file of its own, or a slice of a pack (which is itself a blob with a file of its own). */
export type Place =
  | { readonly kind: 'file'; readonly size: number }
  | { readonly kind: 'packed'; readonly pack: Blake3; readonly offset: number; readonly size: number }

/** Digests by hashlib's name for the algorithm, in lower case: what an index lists under `hashes`. */
export type Hashes = Readonly<Record<string, string>>

/** One line of a project page, as upstream listed it, with its URL made absolute. Fields are absent where upstream has none. */
export interface ListedFile {
  readonly filename: Filename
  /** Absolute http(s) URL on the upstream or its file host, without fragment. */
  readonly url: string
  readonly hashes: Hashes
  /** PEP 503: `data-requires-python`, verbatim. */
  readonly requiresPython?: string
  /** PEP 658/714: true, or the digests of the metadata file; absent where there is none. */
  readonly coreMetadata?: true | Hashes
  /** PEP 700: bytes. */
  readonly size?: number
  /** PEP 700: `yyyy-mm-ddThh:mm:ss[.ffffff]Z`. */
  readonly uploadTime?: string
  /** PEP 592: true, or the reason. Absent: not yanked. */
  readonly yanked?: true | string
  readonly gpgSig?: boolean
  /** PEP 740: URL of the provenance object; null as upstream wrote it. */
  readonly provenance?: string | null
  /** Keys that we do not know, copied through (PEP 691: clients ignore what they do not know). */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** A project page, as upstream had it. */
export interface ProjectPage {
  readonly project: ProjectName
  readonly files: readonly ListedFile[]
  /** PEP 700: absent where upstream speaks 1.0. */
  readonly versions?: readonly string[]
  /** PEP 792. */
  readonly projectStatus?: { readonly status: string; readonly reason?: string }
  /** Unknown keys at the top and under `meta`, copied through. */
  readonly extra?: Readonly<Record<string, unknown>>
  readonly extraMeta?: Readonly<Record<string, unknown>>
}

/** A project page as it is kept, with what it takes to ask for it again. */
export interface StoredPage {
  readonly index: IndexName
  readonly project: ProjectName
  readonly page: ProjectPage
  /** The URL that its index had then; undefined: saved by a version that did not note it. */
  readonly source: string | undefined
  /** RFC 9110 validators of the upstream response. */
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  /** When upstream last confirmed it, milliseconds since the epoch. */
  readonly fetchedAt: number
}

/** Which page lists a file. */
export interface PageName {
  readonly index: IndexName
  readonly project: ProjectName
}

/** What is stored for a file whose index lists no SHA-256. */
export interface UnhashedFile {
  /** What the index said of it when it was fetched, in a form of the caller's. */
  readonly listing: string
  /** Upstream's ETag or Last-Modified, if it sent one. */
  readonly validator: string | undefined
  /** When upstream was asked, milliseconds since the epoch. */
  readonly checkedAt: number
  readonly distribution: Distribution
}
