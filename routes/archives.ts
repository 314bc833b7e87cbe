import type { AtHand } from '../storage/at-hand.ts'
import { sendContent } from './body.ts'
import type { Content } from './content.ts'
import type { Exchange } from './env.ts'
import type { ArchiveForm } from './repository.ts'

const CONTENT_TYPES: Readonly<Record<ArchiveForm, string>> = {
  tar: 'application/x-tar',
  'tar.gz': 'application/gzip',
  'tar.zst': 'application/zstd',
}

export const ARCHIVE_FORMS = Object.keys(CONTENT_TYPES) as readonly ArchiveForm[]

/**
 * For an archive that always unpacks to the same files, though its bytes may differ tomorrow (made of another wheel, or by another version of the
 * compressor): what a cache holds stays right.
 */
export const LASTING = 'public, max-age=31536000'

/** Splits `{name}.tar.gz` into name and form; without such an ending the form is undefined. */
export function splitArchiveName(text: string): { readonly text: string; readonly form: ArchiveForm | undefined } {
  const form = ARCHIVE_FORMS.find((candidate) => text.endsWith(`.${candidate}`))
  return form === undefined ? { text, form } : { text: text.slice(0, -form.length - 1), form }
}

/** Sends a whole tree. */
export function sendArchive(
  c: Exchange,
  content: Content,
  options: { readonly form: ArchiveForm; readonly cacheControl: string },
): AtHand<Response> {
  return sendContent(c, content, { contentType: CONTENT_TYPES[options.form], cacheControl: options.cacheControl })
}
