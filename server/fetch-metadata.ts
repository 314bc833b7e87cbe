import { hashSha256 } from '../storage/digest.ts'
import type { ListedFile } from '../storage/model.ts'
import { isMetadataOf } from '../storage/wheel-metadata.ts'
import { UpstreamError } from './errors.ts'
import { fetchPage, type FetchPageParts } from './fetch-page.ts'
import { fileTarget, type IndexSource } from './index-source.ts'
import type { Log } from './log.ts'
import type { UpstreamPage } from './upstream.ts'
import { isHostUnreached } from './upstream/failures.ts'

/** As much as is read out of a wheel, bytes: it is kept in the catalog, which no limit of the store prunes. */
const MAX_BYTES = 4 << 20

export interface FetchMetadataParts extends FetchPageParts {
  readonly log: Log
}

/**
 * The metadata that an index has beside a wheel. Undefined where it advertises it but has none, or another one, or fails at it again and again. Throws
 * {@link UpstreamError} where its host is not reached.
 */
export async function fetchMetadata(
  parts: FetchMetadataParts,
  index: IndexSource,
  listed: ListedFile,
): Promise<Uint8Array | undefined> {
  const { log } = parts
  const target = { ...fileTarget(index, metadataUrl(listed.url)), maxBytes: MAX_BYTES }
  let response: UpstreamPage
  try {
    response = await fetchPage(parts, target, {
      isAnswer: (status) => status < 500 && status !== 429,
    })
  } catch (error) {
    // pip and uv end with a 502 here, and the wheel may well be had. A host that is not reached has no wheel either.
    if (!isFailing(error) || isHostUnreached(error) === true) throw error
    log.warn({ file: listed.filename, reason: error.message }, 'advertised metadata fails; taking it from the wheel')
    return undefined
  }
  const { coreMetadata } = listed
  const expected = typeof coreMetadata === 'object' ? coreMetadata['sha256'] : undefined
  const isRight =
    expected === undefined ? isMetadataOf(listed.filename, response.body) : expected === hashSha256(response.body)
  if (response.status === 200 && isRight) return response.body
  const reason = response.status === 200 ? 'is something else' : `answered ${response.status}`
  log.warn({ file: listed.filename, reason }, 'advertised metadata is not to be had; taking it from the wheel')
  return undefined
}

/** Does upstream answer 5xx, break off, or send more than metadata can be? */
function isFailing(error: unknown): error is UpstreamError {
  return (
    error instanceof UpstreamError && (error.code === 'ERR_UPSTREAM_UNAVAILABLE' || error.code === 'ERR_UPSTREAM_PAGE')
  )
}

/** PEP 658: `.metadata` is appended to the path; a query stays behind it. */
function metadataUrl(url: string): string {
  const parsed = new URL(url)
  parsed.pathname += '.metadata'
  return parsed.href
}
