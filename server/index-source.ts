import type { IndexName, ProjectName } from '../storage/names.ts'
import { UpstreamError } from './errors.ts'
import type { FreshnessPolicy } from './freshness.ts'
import { type Credentials, isAmong, type Target } from './upstream/target.ts'

/**
 * `normal`: what upstream confirmed lately is served, and old pages while it is in trouble. `strict`: nothing old. `offline`: upstream is
 * never asked, and what is stored is served, however old.
 */
export type IndexMode = 'normal' | 'strict' | 'offline'

/** `last-modified`: where its page has no upload time, what the file's own response says of when it was modified stands for it. */
export type UploadTimeSource = 'listed' | 'last-modified'

/** An index that we serve, and the upstream that it is pulled from. */
export interface IndexSource extends FreshnessPolicy {
  readonly name: IndexName
  /** Of the Simple API's root, ending with a slash, without credentials. */
  readonly url: string
  readonly credentials?: Credentials | undefined
  /** Undefined: normal. */
  readonly mode?: IndexMode | undefined
  /** Its pages, as clients see them, list only files that are stored. */
  readonly storedOnly?: boolean | undefined
  /** Statuses that mean "no such project or file" here, beside 404 and 410: object stores say 403. */
  readonly notFoundStatuses?: readonly number[] | undefined
  /** A page without any file means that there is no such project (G4). */
  readonly emptyMeansAbsent?: boolean | undefined
  /** Files that the index lists no more, or that it quarantined, are served from the store all the same. */
  readonly keepRemoved?: boolean | undefined
  /** Undefined: listed. */
  readonly uploadTimes?: UploadTimeSource | undefined
  /** Where its files may be fetched, as {@link isAmong} has it, beside its own host; undefined: wherever its pages say. */
  readonly allowedFileHosts?: readonly string[] | undefined
}

/** The upstream's project page. Throws {@link UpstreamError}. */
export function pageTarget(index: IndexSource, project: ProjectName): Target {
  return { url: `${index.url}${project}/`, ...commonTarget(index) }
}

/** The upstream's list of projects. Throws {@link UpstreamError}. */
export function listTarget(index: IndexSource): Target {
  return { url: index.url, ...commonTarget(index) }
}

/**
 * A file that a page of this index lists; the index's credentials go along only to the index's own origin. Throws {@link UpstreamError} for
 * a host that is not allowed.
 */
export function fileTarget(index: IndexSource, url: string): Target {
  const common = commonTarget(index)
  const place = new URL(url)
  const redirectHosts = index.allowedFileHosts && [new URL(index.url).host, ...index.allowedFileHosts]
  if (redirectHosts !== undefined && !isAmong(redirectHosts, place)) {
    throw new UpstreamError(
      'ERR_UPSTREAM_REFUSED',
      `${index.name} lists a file on ${place.host}, which is not an allowed file host`,
    )
  }
  return { ...common, url, redirectHosts: redirectHosts ?? 'any' }
}

/** Throws {@link UpstreamError} where the index is offline: what is not known cannot be called absent. */
function commonTarget({ name, mode, url, credentials, notFoundStatuses }: IndexSource): Omit<Target, 'url'> {
  if (mode === 'offline') throw new UpstreamError('ERR_UPSTREAM_OFFLINE', `${name} is offline, and this is not stored`)
  return { credentials, credentialsFor: url, notFoundStatuses }
}
