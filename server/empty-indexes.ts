import type { Catalog } from '../storage/catalog/catalog.ts'
import type { IndexName, ProjectName } from '../storage/names.ts'
import type { IndexSource } from './index-source.ts'
import type { Log } from './log.ts'

/** Indexes at whose upstream nothing was ever found: maybe there is nothing, but mostly the path of the url is wrong, and to clients that looks the same. */
export class EmptyIndexes {
  readonly #catalog: Pick<Catalog, 'hasPageFrom'>
  readonly #log: Log
  readonly #judged = new Set<IndexName>()

  constructor({ catalog, log }: { readonly catalog: Pick<Catalog, 'hasPageFrom'>; readonly log: Log }) {
    this.#catalog = catalog
    this.#log = log
  }

  /** Upstream says that it has no such project. The first time, if no page of this url is known, that is logged. Never rejects. */
  async noteAbsence({ name, url }: IndexSource, project: ProjectName): Promise<void> {
    if (this.#judged.has(name)) return
    this.#judged.add(name)
    try {
      if (await this.#catalog.hasPageFrom(url, name)) return
      this.#log.warn(
        { index: name, upstream: url, project },
        'upstream has no such project, and no page from there is known: check the url of this index, to which the name of a project and a slash are added',
      )
    } catch (error) {
      this.#log.debug({ err: error, index: name }, 'whether the index is empty is not known')
    }
  }
}
