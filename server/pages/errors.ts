import { UpstreamError } from '../errors.ts'
import { redactUrl } from '../redact.ts'

/** Upstream's answer is no project page (or list) that we can read. The message names the page's URL, redacted. */
export class PageError extends UpstreamError {
  constructor(url: string, detail: string, options?: ErrorOptions) {
    super('ERR_UPSTREAM_PAGE', `${redactUrl(url)} ${detail}`, options)
  }
}
