import { type Blake3, type Digest, parseBlake3, parseDigest } from '../storage/digest.ts'
import { MalformedError } from '../storage/errors.ts'

/** A name that uv has for a tree's content. It does not cover executable bits, so several trees may share it. */
export type TreeAlias =
  /** uv's hash of the directory: `dirhash:<64 hex>`. */
  | { readonly algorithm: 'dirhash'; readonly hex: string }
  /** The name of its folder in uv's cache: `uv:<24 base-36 digits>`. */
  | { readonly algorithm: 'uv'; readonly archiveId: string }

/** What stands for a tree in a URL: its id, or an alias. */
export type TreeName = { readonly algorithm: 'blake3'; readonly hex: Blake3 } | TreeAlias

/** What something may be looked up by. */
export type LookupKey = Digest | TreeAlias

const ARCHIVE_ID = /^uv:([0-9a-z]{24})$/

/** Any name of a tree, or a digest of a wheel. Throws {@link MalformedError}. */
export function parseLookupKey(text: string): LookupKey {
  if (text.startsWith('dirhash:')) return { algorithm: 'dirhash', hex: parseBlake3(text.slice('dirhash:'.length)) }
  if (!text.startsWith('uv:')) return parseDigest(text)
  const archiveId = ARCHIVE_ID.exec(text)?.[1]
  if (archiveId === undefined) throw new MalformedError('uv archive id', text, 'write uv: and 24 digits of base 36')
  return { algorithm: 'uv', archiveId }
}

/** Throws {@link MalformedError}. */
export function parseTreeName(text: string): TreeName {
  const key = isTreeName(text) ? parseLookupKey(text) : undefined
  if (key === undefined || key.algorithm === 'sha256') {
    const rule = 'write blake3: or dirhash: and 64 lower-case hex digits, or uv: and 24 digits of base 36'
    throw new MalformedError('name of a tree', text, rule)
  }
  return key
}

/** Whether a text has the form of a tree's name. */
export function isTreeName(text: string): boolean {
  return /^(?:blake3|dirhash):[0-9a-f]{64}$/.test(text) || ARCHIVE_ID.test(text)
}
