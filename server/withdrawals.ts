import type { FileReference, PageSnapshot } from '../routes/repository.ts'
import { type ProjectName, projectsOf } from '../storage/names.ts'
import { UpstreamError } from './errors.ts'
import type { IndexSource } from './index-source.ts'
import type { KeptPage } from './kept-page.ts'
import type { PageSource } from './page-source.ts'

/** `{sha256}/{filename}` of what a page offers, made when the first of its files is asked for. */
const offered = new WeakMap<PageSnapshot, ReadonlySet<string>>()

/** The page that a file was last seen on: the routes have the same reference for the same URL again, mostly. */
const lastOffer = new WeakMap<FileReference, { readonly project: ProjectName; readonly snapshot: PageSnapshot }>()

/**
 * E16, B14: is a file no longer offered by its index, as far as we know without asking? Its page may be old, but what it does not list any more
 * was removed, and of a quarantined project nothing may be offered. A promise only where the page is not in memory. Where there is
 * no page at all it is asked for, and no answer counts as no, unless there was none the last time: who holds a lock
 * file must not fail because upstream is down.
 */
export function isWithdrawn(
  pages: PageSource,
  index: IndexSource,
  reference: FileReference,
): boolean | Promise<boolean> {
  if (index.keepRemoved === true) return false
  const last = lastOffer.get(reference)
  const project = last?.project ?? projectsOf(reference.filename)[0]
  const known = project === undefined ? undefined : pages.findKnown(index, project)
  if (project === undefined || known === undefined || known instanceof Promise) {
    return isNowhere(pages, index, reference)
  }
  const { snapshot } = known
  if (snapshot !== undefined && last?.snapshot === snapshot) return false
  if (snapshot === undefined || !offers(snapshot, reference)) return isNowhere(pages, index, reference)
  lastOffer.set(reference, { project, snapshot })
  return false
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
  // A page that has the same bytes under another name says nothing of this one, nor does one to which it belongs less likely than to one that nobody
  // has seen yet.
  for (const page of known.slice(0, projectsOf(reference.filename).length)) {
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
