import { MalformedError } from '../storage/errors.ts'

/**
 * The segments of a URL's path, each decoded once. hono's own parameters would not do: they turn `%2F` into a separator, and leave
 * `%2B` alone where the same segment has a broken escape.
 * Throws {@link MalformedError} for an escape that is broken, or that hides a separator or a NUL.
 */
export function parsePath(url: string): string[] {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  const [path = ''] = url.slice(start + 1).split(/[?#]/, 1)
  return path.split('/').map((segment) => (segment.includes('%') ? decodeSegment(segment) : segment))
}

function decodeSegment(segment: string): string {
  let text: string
  try {
    text = decodeURIComponent(segment)
  } catch {
    throw new MalformedError('URL', segment, 'a percent sign starts an escape of UTF-8')
  }
  if (/[/\0]/.test(text)) throw new MalformedError('URL', segment, 'a separator cannot be escaped')
  return text
}
