import type { FileReference, PageSnapshot } from '../routes/repository.ts'
import type { ListedFile, Sighting } from '../storage/model.ts'
import type { ProjectName } from '../storage/names.ts'
import type { IndexSource } from './index-source.ts'
import type { PageSource } from './page-source.ts'
import { offers } from './withdrawals.ts'

/** A file that an index lists, and where. */
export interface Listing {
  readonly listed: ListedFile
  readonly sighting: Sighting
}

type FindPage = (index: IndexSource, project: ProjectName) => Promise<PageSnapshot | undefined>

/** What the index's page says of a file; asks upstream where the page is not fresh. */
export function findListing(
  pages: PageSource,
  index: IndexSource,
  reference: FileReference,
): Promise<Listing | undefined> {
  return findOn(pages, { index, reference }, async (...place) => pages.find(...place))
}

/** What the latest page that is known says of a file, however old; waits for nobody. It is the page that clients have their URLs from. */
export function findKnownListing(
  pages: PageSource,
  index: IndexSource,
  reference: FileReference,
): Promise<Listing | undefined> {
  return findOn(pages, { index, reference }, async (...place) => (await pages.findKnown(...place))?.snapshot)
}

async function findOn(
  pages: PageSource,
  { index, reference }: { readonly index: IndexSource; readonly reference: FileReference },
  findPage: FindPage,
): Promise<Listing | undefined> {
  const { sha256, filename } = reference
  for await (const project of pages.findProjectsOf(reference)) {
    const snapshot = await findPage(index, project)
    if (!offers(snapshot, reference)) continue
    const listed = snapshot?.page.files.find((file) => file.filename === filename && file.hashes['sha256'] === sha256)
    if (listed !== undefined) return { listed, sighting: { index: index.name, project, filename } }
  }
  return undefined
}
