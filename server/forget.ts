import type { Forgettable, Forgotten } from '../routes/administration.ts'
import { RouteError } from '../routes/errors.ts'
import type { Repository } from '../routes/repository.ts'
import type { PruneOutcome, PrunePlan, PruneSelection } from '../storage/catalog/catalog.ts'
import type { Sha256 } from '../storage/digest.ts'
import type { DistributionRecord } from '../storage/model.ts'
import type { IndexName, ProjectName } from '../storage/names.ts'
import { formatPin, type Pin } from '../storage/pin.ts'
import type { Store } from '../storage/store.ts'
import { findVersion, isSameVersion } from '../storage/versions.ts'
import type { IndexSource } from './index-source.ts'
import type { MetadataSource } from './metadata-source.ts'
import type { PageSource } from './page-source.ts'

export interface ForgetParts extends Pick<Repository, 'planPrune' | 'executePrune'> {
  readonly store: Store
  readonly indexes: ReadonlyMap<IndexName, IndexSource>
  readonly pages: PageSource
  readonly metadata: Pick<MetadataSource, 'forget'>
}

/** Deletes what is stored of something, whenever it was last used. See {@link Administration.forget}. */
export async function forget(parts: ForgetParts, what: Forgettable): Promise<Forgotten | undefined> {
  if (what.kind === 'page') {
    const pages = await forgetPages(parts, what.project, what.index)
    return pages === 0 ? undefined : { ...NOTHING, pages }
  }
  const only: PruneSelection =
    what.kind === 'distribution' ? { sha256: what.sha256 } : { index: what.index, project: what.project }
  const plan = await parts.planPrune({ only })
  if (plan.pinned > 0) throw await pinnedError(parts, what)
  const outcome = plan.distributions.length === 0 ? NOTHING : await execute(parts, plan)
  const metadata = await forgetMetadata(parts, what, plan)
  const pages = what.kind === 'project' ? await forgetPages(parts, what.project, what.index) : 0
  return plan.distributions.length === 0 && pages === 0 && metadata === 0 ? undefined : { ...outcome, pages }
}

const NOTHING: PruneOutcome = { distributions: 0, trees: 0, blobs: 0, packs: 0, freedBytes: 0 }

async function execute({ executePrune }: ForgetParts, plan: PrunePlan): Promise<PruneOutcome> {
  const { distributions, trees, blobs, packs, freedBytes } = await executePrune(plan, { isPartial: true })
  return { distributions, trees, blobs, packs, freedBytes }
}

/** Deletes metadata, also that of wheels that are not stored: for a project, of all that its pages list. Resolves with how many wheels had some. */
async function forgetMetadata(
  { store: { catalog }, indexes, metadata }: ForgetParts,
  what: Exclude<Forgettable, { kind: 'page' }>,
  plan: PrunePlan,
): Promise<number> {
  const wheels = new Set(Array.from(plan.distributions, ({ sha256 }) => sha256))
  if (what.kind === 'distribution') wheels.add(what.sha256)
  else {
    for (const index of what.index === undefined ? indexes.keys() : [what.index]) {
      const listed = (await catalog.findPage(index, what.project))?.page.files ?? []
      for (const { hashes } of listed) if (hashes['sha256'] !== undefined) wheels.add(hashes['sha256'] as Sha256)
    }
  }
  return metadata.forget([...wheels])
}

/** Resolves with how many indexes had a page. */
async function forgetPages(
  { indexes, pages }: ForgetParts,
  project: ProjectName,
  index: IndexName | undefined,
): Promise<number> {
  const names = index === undefined ? [...indexes.keys()] : [index]
  const forgotten = await Promise.all(names.map((name) => pages.forget(name, project)))
  return forgotten.filter(Boolean).length
}

/** Names the pins that keep any of it. */
async function pinnedError(
  { store, indexes }: ForgetParts,
  what: Exclude<Forgettable, { kind: 'page' }>,
): Promise<RouteError> {
  const { catalog } = store
  const records =
    what.kind === 'distribution'
      ? [await catalog.findDistribution({ algorithm: 'sha256', hex: what.sha256 })]
      : await Promise.all([...indexes.keys()].map((index) => catalog.findDistributionsOf(index, what.project)))
  const held = records.flat().filter((record) => record !== undefined)
  const pins = (await catalog.listPins()).filter(({ pin }) => held.some((record) => holds(pin, record)))
  const names = pins.map(({ pin }) => formatPin(pin))
  return new RouteError('ERR_PINNED', `Pinned by ${names.join(', ')}: remove that first.`, {
    extensions: { pins: names },
  })
}

function holds(pin: Pin, { sha256, sightings }: DistributionRecord): boolean {
  if (pin.kind === 'digest') return pin.sha256 === sha256
  return sightings.some(
    ({ project, filename }) =>
      project === pin.project && (pin.kind === 'project' || isSameVersion(findVersion(filename, project), pin.version)),
  )
}
