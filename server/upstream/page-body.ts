import { promisify } from 'node:util'
import { constants, gunzip } from 'node:zlib'
import { UpstreamError } from '../errors.ts'
import { redactUrl } from '../redact.ts'

/** The coding that pages are asked for in, as `Accept-Encoding` has it. */
export const PAGE_CODING = 'gzip'

/**
 * A body of at least so many bytes on the wire is a large page, of hundreds of files: each takes some hundred bytes in gzip, most of it digests, and
 * five times as many without.
 */
const LARGE_BYTES = { gzip: 64 * 1024, identity: 256 * 1024 }

/** The most that is inflated at once, bytes: each piece takes a way to another thread and back, and a large page has a hundred of Node's 16 KiB. */
const PIECE_BYTES = 256 * 1024

const gunzipAsync = promisify(gunzip)

export interface PageBodyOptions {
  readonly url: string
  readonly maxBytes: number
  /** How long upstream says that the body is, bytes as they come. */
  readonly length?: number | undefined
  /** Called once, as soon as the body is known to be that of a large page. */
  readonly onLarge?: (() => void) | undefined
}

/**
 * Reads a page to its end and undoes the one coding that is asked for. The limit holds for what comes out, too: a page may be a bomb.
 * Throws {@link UpstreamError}.
 */
export async function readPageBody(
  body: AsyncIterable<Uint8Array>,
  coding: string | undefined,
  { url, maxBytes, length = 0, onLarge }: PageBodyOptions,
): Promise<Uint8Array> {
  // RFC 9110 §8.4.1: in any case of letters.
  const name = coding?.trim().toLowerCase() ?? ''
  const isPlain = name === '' || name === 'identity'
  const largeBytes = LARGE_BYTES[isPlain ? 'identity' : 'gzip']
  const chunks: Uint8Array[] = []
  let size = 0
  let tell = onLarge
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxBytes) throw tooLarge(url, maxBytes)
    if (tell !== undefined && Math.max(size, length) >= largeBytes) {
      tell()
      tell = undefined
    }
    chunks.push(chunk)
  }
  const whole = Buffer.concat(chunks)
  if (isPlain || whole.length === 0) return whole
  if (name !== 'gzip' && name !== 'x-gzip') {
    throw new UpstreamError('ERR_UPSTREAM_PAGE', `${redactUrl(url)} is encoded as ${coding}, which was not asked for`)
  }
  return decode(whole, url, maxBytes)
}

async function decode(body: Buffer, url: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const chunkSize = Math.min(Math.max(constants.Z_DEFAULT_CHUNK, 4 * body.length), PIECE_BYTES)
    return await gunzipAsync(body, { maxOutputLength: maxBytes, chunkSize })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(url, maxBytes)
    const message = `${redactUrl(url)} is not the gzip that it says it is`
    throw new UpstreamError('ERR_UPSTREAM_PAGE', message, { cause: error })
  }
}

function tooLarge(url: string, maxBytes: number): UpstreamError {
  return new UpstreamError('ERR_UPSTREAM_PAGE', `${redactUrl(url)} is larger than ${maxBytes} bytes`)
}
