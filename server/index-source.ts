import type { IndexName, ProjectName } from '../storage/names.ts'
import { UpstreamError } from './errors.ts'
import type { FreshnessPolicy } from './freshness.ts'
import type { Credentials, Target } from './upstream.ts'

/** An index that we serve, and the upstream that it is pulled from. */
export interface IndexSource extends FreshnessPolicy {
  readonly name: IndexName
  /** Of the Simple API's root, ending with a slash, without credentials. */
  readonly url: string
  readonly credentials?: Credentials | undefined
  /** `URL.host` of where its files may be fetched, beside its own; undefined: wherever its pages say. */
  readonly allowedFileHosts?: readonly string[] | undefined
}

/** The upstream's project page. */
export function pageTarget(index: IndexSource, project: ProjectName): Target {
  return { url: `${index.url}${project}/`, credentials: index.credentials, credentialsFor: index.url }
}

/** The upstream's list of projects. */
export function listTarget(index: IndexSource): Target {
  return { url: index.url, credentials: index.credentials, credentialsFor: index.url }
}

/**
 * A file that a page of this index lists; the index's credentials go along only to the index's own origin. Throws {@link UpstreamError} for
 * a host that is not allowed.
 */
export function fileTarget(index: IndexSource, url: string): Target {
  const { host } = new URL(url)
  if (index.allowedFileHosts !== undefined && ![new URL(index.url).host, ...index.allowedFileHosts].includes(host)) {
    throw new UpstreamError(
      'ERR_UPSTREAM_REFUSED',
      `${index.name} lists a file on ${host}, which is not an allowed file host`,
    )
  }
  return { url, credentials: index.credentials, credentialsFor: index.url }
}
