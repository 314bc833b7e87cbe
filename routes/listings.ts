import type { TreePath } from '../storage/names.ts'
import { isPortable } from '../storage/portable.ts'
import { findDirectory } from './directory.ts'
import type { Exchange } from './env.ts'
import { notFound } from './errors.ts'
import { READ_HEADERS, REVALIDATE } from './headers.ts'
import { prefersHtml } from './negotiate.ts'
import type { Manifest } from './repository.ts'
import { DOCUMENT_POLICY } from './render-document.ts'
import { type Listing, renderHtmlListing, renderJsonListing } from './render-listing.ts'
import { sendText } from './send-text.ts'

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
  // Never immutable: what the HTML looks like changes with Arbor's version.
  return prefersHtml(c.env.incoming.headers.accept)
    ? sendText(c, await renderHtmlListing(listing), {
        contentType: 'text/html; charset=utf-8',
        cacheControl: REVALIDATE,
        headers: { Vary: 'Accept', 'Content-Security-Policy': DOCUMENT_POLICY },
      })
    : sendText(c, await renderJsonListing(listing), {
        contentType: 'application/json',
        cacheControl: options.cacheControl,
        headers: { Vary: 'Accept' },
      })
}

/** Redirects to the directory's own URL, which ends with a slash. It is relative, with `./` first: a name with a colon would look like a scheme. */
export function redirectToDirectory(path: TreePath): Response {
  const location = `./${encodeURIComponent(path.slice(path.lastIndexOf('/') + 1))}/`
  return new Response(null, { status: 301, headers: { ...READ_HEADERS, Location: location, 'Content-Length': '0' } })
}
