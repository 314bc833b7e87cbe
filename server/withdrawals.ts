import type { FileReference, PageSnapshot } from '../routes/repository.ts'
import type { ProjectName } from '../storage/names.ts'
import { UpstreamError } from './errors.ts'
import type { IndexSource } from './index-source.ts'
import type { KeptPage } from './kept-page.ts'
import { namedProjectsOf } from './named-projects.ts'
import type { PageSource } from './page-source.ts'

/** `{sha256}/{filename}` of each file that a page offers, made when one of them is first asked for. */
const offered = new WeakMap<PageSnapshot, ReadonlySet<string>>()

/** The page that a file was last seen on. By object, since the routes mostly use the same reference again for the same URL. */
const lastOffer = new WeakMap<FileReference, { readonly project: ProjectName; readonly snapshot: PageSnapshot }>()

/**
 * E16, B14: does its index no longer offer this file? The latest page that we know decides, however old: what it does not list was removed, and of a
 * quarantined project nothing may be offered. Where no page is known, upstream is asked. If it does not answer, the file counts as offered, since an
 * installer with a lock file must not fail because upstream is down; unless upstream had no such project the last time. No promise where the page is
 * in memory.
 */
export function isWithdrawn(
  pages: PageSource,
  index: IndexSource,
  reference: FileReference,
): boolean | Promise<boolean> {
  if (index.keepRemoved === true) return false
  return findOfferingPage(pages, index, reference) === undefined && isNowhere(pages, index, reference)
}

/** The latest page that we know, however old, if it offers this file and is in memory. That there is none says nothing. */
export function findOfferingPage(
  pages: PageSource,
  index: IndexSource,
  reference: FileReference,
): PageSnapshot | undefined {
  const last = lastOffer.get(reference)
  const project = last?.project ?? namedProjectsOf(reference)[0]
  const known = project === undefined ? undefined : pages.findKnown(index, project)
  // Whoever asks next gets the same promise, and hears of its failure.
  if (known instanceof Promise) known.catch(() => {})
  if (project === undefined || known === undefined || known instanceof Promise) return undefined
  const { snapshot } = known
  if (snapshot === undefined || last?.snapshot === snapshot) return snapshot
  if (!offers(snapshot, reference)) return undefined
  lastOffer.set(reference, { project, snapshot })
  return snapshot
}

async function isNowhere(pages: PageSource, index: IndexSource, reference: FileReference): Promise<boolean> {
  const projects: ProjectName[] = []
  const known: (Pick<KeptPage, 'snapshot'> | undefined)[] = []
  for await (const project of pages.findProjectsOf(reference)) {
    const page = await pages.findKnown(index, project)
    if (page?.snapshot !== undefined && offers(page.snapshot, reference)) {
      lastOffer.set(reference, { project, snapshot: page.snapshot })
      return false
    }
    projects.push(project)
    known.push(page)
  }
  // Only projects that the file's name tells decide here: others have the same bytes under another name. And only up to the first of these whose page
  // is not known, since the file more likely belongs to that one than to those after it.
  for (const page of known.slice(0, namedProjectsOf(reference).length)) {
    if (page === undefined) break
    if (page.snapshot !== undefined) return true
  }
  try {
    for (const project of projects) {
      if (offers(await pages.find(index, project), reference)) return false
    }
    return true
  } catch (error) {
    if (error instanceof UpstreamError) return known.every((page) => page !== undefined)
    throw error
  }
}

/** PEP 792: a quarantined project offers nothing. */
export function offers(snapshot: PageSnapshot | undefined, { sha256, filename }: FileReference): boolean {
  if (snapshot === undefined || snapshot.page.projectStatus?.status === 'quarantined') return false
  let files = offered.get(snapshot)
  if (files === undefined) {
    files = new Set(snapshot.page.files.map((file) => `${file.hashes['sha256']}/${file.filename}`))
    offered.set(snapshot, files)
  }
  return files.has(`${sha256}/${filename}`)
}
