import * as v from 'valibot'
import { diskIo } from '../../storage/io.ts'
import { type AdminToken, findAdminToken } from '../admin-token.ts'
import type { Config } from '../config.ts'
import { formatListenUrl } from '../config/notation.ts'
import { redactUrl } from '../redact.ts'

/** A running server did not do what a command asked of it; the message says why, to a person. */
export class AdminError extends Error {
  readonly code: 'ERR_ADMIN' | 'ERR_ADMIN_REQUEST' = 'ERR_ADMIN'
}

/** The server did not understand what was typed: to ask again is of no use. */
export class AdminRequestError extends AdminError {
  override readonly code = 'ERR_ADMIN_REQUEST'
}

export interface AdminRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the server's root, without a leading slash; with a query, if any. */
  readonly path: string
  /** A text is sent as it is, anything else as JSON. */
  readonly body?: object | string
  readonly accept?: string
  /** RFC 7240. */
  readonly prefer?: 'respond-async'
  /** The server's address, where it is not the one that the configuration says to listen on. */
  readonly server?: URL | undefined
  readonly signal?: AbortSignal
}

/**
 * Asks the admin API of a running server and returns its JSON; undefined where it has nothing to say. Not through
 * server/upstream.ts, the door for outgoing HTTP: this is no upstream, and the global `fetch` starts faster than a command's
 * user blinks. Throws {@link AdminError}.
 */
export async function askServer(config: Config, request: AdminRequest): Promise<unknown> {
  const response = await openResponse(config, request)
  const text = await response.text()
  if (response.status === 204) return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AdminError(`${redactUrl(response.url)} did not answer in JSON: is that an Arbor?`, { cause })
  }
}

/** What a server answered, by its schema. Throws {@link AdminError} where it is not `what`. */
export function parseAnswer<Parsed>(schema: v.GenericSchema<unknown, Parsed>, answer: unknown, what: string): Parsed {
  const parsed = v.safeParse(schema, answer)
  if (parsed.success) return parsed.output
  throw new AdminError(`the server answered with something else than ${what}`)
}

/** As {@link askServer}, but returns the response itself, whose body may come over a long time. */
export async function openResponse(config: Config, request: AdminRequest): Promise<Response> {
  const found = await readToken(config)
  if (found === undefined) {
    throw new AdminError(
      `there is no admin token in ${config.data}: no server has run with this data folder. Name it with --data or ARBOR_DATA, or set ARBOR_ADMIN_TOKEN`,
    )
  }
  const url = new URL(request.path, request.server ?? ownAddress(config))
  const response = await send(url, request, found.token)
  if (response.ok) return response
  if (response.status === 401) {
    const origin =
      found.file === undefined ? 'was configured (ARBOR_ADMIN_TOKEN or admin-token)' : `is in ${found.file}`
    throw new AdminError(
      `${redactUrl(url)} has another admin token than the one that ${origin}: set ARBOR_ADMIN_TOKEN to what the server was started with, or name its data folder with --data`,
    )
  }
  const Kind = response.status === 400 ? AdminRequestError : AdminError
  throw new Kind(`${redactUrl(url)} answered ${response.status}: ${problemIn(await response.text())}`)
}

/** A server often runs as a user of its own, whose token others cannot read. */
async function readToken(config: Config): Promise<AdminToken | undefined> {
  try {
    return await findAdminToken(diskIo, config)
  } catch (cause) {
    if (!(cause instanceof Error && 'syscall' in cause && 'code' in cause)) throw cause
    throw new AdminError(
      `cannot read the admin token in ${config.data} (${String(cause.code)}): run this as the user that runs the server, or as root, or set ARBOR_ADMIN_TOKEN`,
      { cause },
    )
  }
}

function ownAddress({ listen }: Config): string {
  if (listen.port === 0) throw new AdminError('the configured port is 0, so say with --server where the server listens')
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[listen.host] ?? listen.host
  return `${formatListenUrl({ host, port: listen.port })}/`
}

async function send(url: URL, request: AdminRequest, token: string): Promise<Response> {
  const { method, body, accept = 'application/json', prefer, signal } = request
  const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json'
  try {
    return await fetch(url, {
      method,
      // The token is for this server only.
      redirect: 'error',
      headers: {
        Authorization: `Bearer ${token}`,
        Accept: accept,
        'Content-Type': type,
        ...(prefer === undefined ? {} : { Prefer: prefer }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    })
  } catch (cause) {
    const error = cause instanceof Error && cause.cause instanceof Error ? cause.cause : undefined
    const isUntrusted =
      error !== undefined && 'code' in error && /^UNABLE_TO_(GET|VERIFY)_|SELF_SIGNED_CERT/.test(String(error.code))
    // Behind the semicolon Node has advice of its own, for whoever starts it.
    const reason = error === undefined ? String(cause) : error.message.split(';', 1)[0]
    const remedy = isUntrusted
      ? 'a certificate of an authority of your own is trusted once its file (PEM) is named in NODE_EXTRA_CA_CERTS'
      : 'is the server running? If it listens elsewhere, say where with --server'
    throw new AdminError(`no answer from ${redactUrl(url)} (${reason}): ${remedy}`, { cause })
  }
}

/** RFC 9457: what a problem document says to people; else the start of whatever came. */
function problemIn(text: string): string {
  try {
    const problem: unknown = JSON.parse(text)
    if (typeof problem === 'object' && problem !== null) {
      const { title, detail } = problem as Record<string, unknown>
      return [title, detail].filter((part) => typeof part === 'string').join(': ')
    }
  } catch {
    // No JSON, so not from Arbor: shown as it came.
  }
  return text.slice(0, 200)
}
