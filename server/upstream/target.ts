/** A user's name and password (RFC 7617). */
export interface BasicCredentials {
  readonly username: string
  readonly password: string
}

/** What an upstream asks for: a name and a password, or a bearer token (RFC 6750). */
export type Credentials = BasicCredentials | { readonly token: string }

/** Where a request goes, and what it may carry there. */
export interface Target {
  readonly url: string
  /** Sent to the origin of `credentialsFor` only, whatever redirects. */
  readonly credentials?: Credentials | undefined
  readonly credentialsFor?: string | undefined
  /**
   * The hosts ({@link isAmong}) that a redirect may lead to beside the one that it comes from. By default none: an index that redirects unknown
   * projects to a public one makes private names confusable (H5).
   */
  readonly redirectHosts?: 'any' | readonly string[] | undefined
  /** Statuses that mean "not there" beside 404 and 410. */
  readonly notFoundStatuses?: readonly number[] | undefined
  /** Called with the `Last-Modified` of each response that brings the file, or a part of it. */
  readonly onLastModified?: ((lastModified: string) => void) | undefined
  /** The most that a page may have, bytes; undefined: as configured. */
  readonly maxBytes?: number | undefined
  /** Called as soon as the page that is read turns out to be a large one. */
  readonly onLarge?: (() => void) | undefined
}

/** Is it on one of these hosts? With a port, one stands for that port, though it may be the scheme's own, which `URL.host` leaves out. */
export function isAmong(hosts: readonly string[], url: URL): boolean {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return hosts.includes(url.host) || hosts.includes(`${url.hostname}:${port}`)
}

/** What goes to this URL, of all that the target has: RFC 9110 `Authorization`, for the index's own origin only. */
export function credentialHeaders(url: URL, target: Target): Readonly<Record<string, string>> {
  const { credentials, credentialsFor } = target
  if (credentials === undefined || new URL(credentialsFor ?? target.url).origin !== url.origin) return {}
  return { authorization: formatCredentials(credentials) }
}

function formatCredentials(credentials: Credentials): string {
  if ('token' in credentials) return `Bearer ${credentials.token}`
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`
}
