/**
 * The version of the rules by which archives are refused. A verdict is a function of the archive's bytes and of this number, so it goes up
 * whenever a rule changes that would turn a verdict.
 */
export const POLICY_VERSION = 1

const MIB = 1024 * 1024

/** How large an archive may be before no tree is made of it; the defaults refuse no wheel that was ever met. */
export interface ArchiveLimits {
  /** Members; and folders, with those that only follow from paths. */
  readonly maxEntries: number
  /** Sum of the unpacked sizes, bytes. */
  readonly maxBytes: number
  /** Unpacked bytes per byte of the archive, asked only above `ratioFreeBytes` unpacked. */
  readonly maxRatio: number
  readonly ratioFreeBytes: number
  /** The central directory, which is held in memory, bytes: names, extra fields and comments of all members. */
  readonly maxDirectoryBytes: number
  /** One path, bytes of UTF-8. */
  readonly maxPathBytes: number
  /** One component of a path, bytes of UTF-8. */
  readonly maxComponentBytes: number
  /** Components of one path. */
  readonly maxDepth: number
}

/** The ratio is PyPI's own rule for uploads; a path and a component are as long as common file systems allow. */
export const DEFAULT_LIMITS: ArchiveLimits = {
  maxEntries: 200_000,
  maxBytes: 16 * 1024 * MIB,
  maxRatio: 50,
  ratioFreeBytes: 64 * MIB,
  maxDirectoryBytes: 64 * MIB,
  maxPathBytes: 4096,
  maxComponentBytes: 255,
  maxDepth: 256,
}

/** For a wheel that has a tree: it was judged before, by the limits of then, which may have been higher. */
export const NO_LIMITS: ArchiveLimits = {
  maxEntries: Infinity,
  maxBytes: Infinity,
  maxRatio: Infinity,
  ratioFreeBytes: Infinity,
  maxDirectoryBytes: Infinity,
  maxPathBytes: Infinity,
  maxComponentBytes: Infinity,
  maxDepth: Infinity,
}

/** Limits as one word, to see whether they are the same. */
export function nameLimits(limits: ArchiveLimits): string {
  return Object.entries(limits)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}
