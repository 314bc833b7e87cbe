import type { Config } from '../config.ts'
import { AdminError, askServer } from './admin-client.ts'
import { formatJson, outline } from './outline.ts'

export interface ForgetOptions {
  /** A project, or `sha256:<hex>`. */
  readonly what: string
  readonly index: string | undefined
  /** Only its page. */
  readonly page: boolean
  readonly server: URL | undefined
  readonly json: boolean
}

/** `arbor forget`: what was deleted, as text. Throws {@link AdminError}. */
export async function renderForget(config: Config, options: ForgetOptions): Promise<string> {
  const { what, index, page, server, json } = options
  const key = what.startsWith('sha256:') ? 'sha256' : page ? 'page' : 'project'
  const answer = await askServer(config, { method: 'POST', path: 'admin/forget', body: { [key]: what, index }, server })
  if (json) return formatJson(answer)
  if (typeof answer !== 'object' || answer === null) throw new AdminError('the server did not say what it forgot')
  return `Deleted:\n${outline(answer)}`
}
