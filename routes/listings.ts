import type { AtHand } from '../storage/at-hand.ts'
import { hashBlake3 } from '../storage/digest.ts'
import type { TreePath } from '../storage/names.ts'
import { isPortable } from '../storage/portable.ts'
import { sendContent } from './body.ts'
import { findDirectory } from './directory.ts'
import type { Exchange } from './env.ts'
import { notFound } from './errors.ts'
import { READ_HEADERS, REVALIDATE } from './headers.ts'
import { prefersHtml } from './negotiate.ts'
import type { Manifest } from './repository.ts'
import { type Listing, LISTING_POLICY, renderHtmlListing, renderJsonListing } from './render-listing.ts'

/** Sends what a directory of a tree holds: HTML to who asks for that, else JSON. Throws where there is no such directory. */
export async function sendListing(
  c: Exchange,
  { tree }: Manifest,
  options: { readonly text: string; readonly path: TreePath | ''; readonly cacheControl: string },
): Promise<Response> {
  const { text, path } = options
  const directory = await findDirectory(tree, path)
  if (directory === undefined) throw notFound(`directory ${JSON.stringify(path)} in the tree ${text}`)
  const listing: Listing = { tree: text, path, directory, portable: await isPortable(tree) }
  // How a page looks changes from version to version.
  return prefersHtml(c.env.incoming.headers.accept)
    ? sendText(c, await renderHtmlListing(listing), {
        contentType: 'text/html; charset=utf-8',
        cacheControl: REVALIDATE,
        headers: { Vary: 'Accept', 'Content-Security-Policy': LISTING_POLICY },
      })
    : sendText(c, await renderJsonListing(listing), {
        contentType: 'application/json',
        cacheControl: options.cacheControl,
        headers: { Vary: 'Accept' },
      })
}

/** To a directory's own URL, which ends with a slash. Relative, and `./` first, since a colon in the name would make a scheme of it. */
export function redirectToDirectory(path: TreePath): Response {
  const location = `./${encodeURIComponent(path.slice(path.lastIndexOf('/') + 1))}/`
  return new Response(null, { status: 301, headers: { ...READ_HEADERS, Location: location, 'Content-Length': '0' } })
}

/** Sends a text that was just made, tagged by its digest. */
export function sendText(
  c: Exchange,
  text: string,
  options: {
    readonly contentType: string
    readonly cacheControl: string
    readonly headers?: Readonly<Record<string, string>>
  },
): AtHand<Response> {
  const bytes = Buffer.from(text)
  const content = {
    size: bytes.length,
    sha256: undefined,
    blake3: undefined,
    validator: `blake3:${hashBlake3(bytes)}`,
    bytes,
    open: () => Promise.reject(new Error('A text is sent from memory.')),
  }
  return sendContent(c, content, options)
}
