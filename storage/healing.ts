import type { BlobStore, FileState } from './blobs/blob-store.ts'
import type { Catalog, Condemned } from './catalog/catalog.ts'
import { type Clock, hasPassed } from './clock.ts'
import { type Blake3, parseBlake3 } from './digest.ts'
import { BlobDamagedError, StoreChangedError } from './errors.ts'
import type { Mender } from './mending.ts'
import type { DistributionRecord, Unpacking } from './model.ts'

/** After a failed attempt to heal a file, reads of it do not start another one for so long, milliseconds. */
const RETRY_MS = 10_000

/** What became of a file that was thought to be damaged. */
export type Healed =
  /** It is as its name says. */
  | 'sound'
  /** No record names it (any more). */
  | 'unknown'
  | 'healed'
  /** What depends on it cannot be had for now: whoever asks for that next tries again. */
  | 'not healed'

/** Numbers of files, by what was found and by what came of it. A file that cannot be healed is counted at each attempt. */
export interface DamageCounts {
  readonly damaged: number
  readonly missing: number
  readonly healed: number
  readonly notHealed: number
}

/** A damaged file that was taken out of service, and what came of it. */
export interface Damage extends Condemned {
  readonly blake3: Blake3
  readonly state: Exclude<FileState, 'sound'>
  readonly stage: 'found' | 'healed' | 'not healed'
  /** Why it is not healed, where an error says it. */
  readonly error?: unknown
}

export interface HealingOptions {
  readonly catalog: Catalog
  readonly blobs: BlobStore
  readonly clock: Clock
  /** Makes the tree of a wheel. */
  readonly unpack: (wheel: Blake3) => Promise<Unpacking>
  /** Downloads a distribution again; false: nobody has it any more. Without it nothing is downloaded. */
  readonly refetch?: ((record: DistributionRecord) => Promise<boolean>) | undefined
  /** A file went out of service: what is in memory of it is to be forgotten. */
  readonly onCondemned: (condemned: Condemned) => void
  readonly onDamage?: ((damage: Damage) => void) | undefined
  /** Told of what kept a damaged file from being taken out of service. */
  readonly onError: (error: unknown, task: string) => void
}

/** One file that is looked at, taken out of service, and replaced. */
interface Heal {
  /** Resolves once the file is out of service, with what was lost; undefined: the file is sound. */
  readonly lost: Promise<Lost | undefined>
  /** Whether its trees are there again. */
  readonly trees: Promise<boolean>
  readonly all: Promise<Healed>
}

interface Lost extends Condemned {
  readonly state: Damage['state']
  /** False: no record named the file, so nothing was lost with it. */
  readonly isKnown: boolean
}

/**
 * Takes damaged files out of service, and has them made again: the wheels that a pack or a large blob came from are unpacked anew, and a
 * distribution is downloaded again. A report of damage is not believed: the file is first compared with the digest that is its name.
 */
export class Healing implements Mender {
  readonly #options: HealingOptions
  readonly #running = new Map<Blake3, Heal>()
  /** Distributions that could not be healed, and when that was last tried, milliseconds. */
  readonly #lost = new Map<Blake3, number>()
  /** Trees that lost their records and are not made again yet, each with the wheels that it can be made from. */
  readonly #trees = new Map<Blake3, readonly Blake3[]>()
  /** Files that we took out of service. No record names them now, but they were not pruned. */
  readonly #condemned = new Set<Blake3>()
  #found = 0
  readonly #counts = { damaged: 0, missing: 0, healed: 0, notHealed: 0 }

  constructor(options: HealingOptions) {
    this.#options = options
  }

  /** Files that were found damaged or missing since the start. */
  get found(): number {
    return this.#found
  }

  /** What was found since the start, and what became of it. */
  get counts(): DamageCounts {
    return { ...this.#counts }
  }

  get isRunning(): boolean {
    return this.#running.size > 0
  }

  /** Heals a file, if it is damaged or gone; resolves when that is done. Rejects where it cannot be read for a reason of ours, or be taken out of service. */
  heal(file: Blake3): Promise<Healed> {
    return this.#start(file).all
  }

  /** As {@link heal}, but resolves once the file is known to be sound, or is out of service. */
  async inspect(file: Blake3): Promise<void> {
    await this.#start(file).lost
  }

  /** Takes a file out of service without a look at it. Its trees are made again when somebody asks for them. */
  async withdraw(file: Blake3): Promise<void> {
    const { catalog, blobs, onCondemned } = this.#options
    const condemned = await catalog.condemn(file, () => blobs.remove([file]))
    onCondemned(condemned)
    for (const tree of condemned.trees) this.#trees.set(tree, condemned.wheels)
  }

  mend(error: unknown): Promise<boolean> {
    return this.#mend(error, async ({ all }) => {
      await all
      // What was being read may have lost its record because another file of its tree was damaged.
      await this.settleTrees()
    })
  }

  mendTrees(error: unknown): Promise<boolean> {
    return this.#mend(error, ({ trees }) => trees)
  }

  /** Waits for trees that have just lost their records to have them again. */
  async settleTrees(): Promise<void> {
    await Promise.allSettled(Array.from(this.#running.values(), ({ trees }) => trees))
  }

  /** Makes a tree again that has lost its record to damage; false: it is not such a tree, or it could not be made. Throws what kept it from being made. */
  async restoreTree(tree: Blake3): Promise<boolean> {
    // A tree that is just losing its record is not in the map yet.
    await Promise.allSettled(Array.from(this.#running.values(), ({ lost }) => lost))
    const wheels = this.#trees.get(tree)
    return wheels !== undefined && (await this.#unpackAll(wheels))
  }

  /** A distribution is stored (again). */
  noteKept(distribution: Blake3): void {
    this.#lost.delete(distribution)
  }

  /** Waits for what runs. */
  async settle(): Promise<void> {
    while (this.isRunning) await Promise.allSettled(Array.from(this.#running.values(), ({ all }) => all))
  }

  async #mend(error: unknown, awaited: (heal: Heal) => Promise<unknown>): Promise<boolean> {
    if (!(error instanceof BlobDamagedError)) return false
    const file = parseBlake3(error.blake3)
    if (!hasPassed(RETRY_MS, this.#lost.get(file) ?? -Infinity, this.#options.clock())) return false
    let isPruned = false
    try {
      const heal = this.#start(file)
      await awaited(heal)
      isPruned = (await heal.lost)?.isKnown === false && !this.#condemned.has(file)
    } catch (cause) {
      this.#options.onError(cause, `healing ${error.blake3}`)
      return false
    }
    if (isPruned) throw new StoreChangedError(`${file} was pruned`, { cause: error })
    return true
  }

  #start(file: Blake3): Heal {
    const running = this.#running.get(file)
    if (running !== undefined) return running
    const lost = this.#condemn(file)
    const trees = lost.then(async (condemned) => {
      if (condemned === undefined) return true
      // The trees' other files may be damaged too: take those out of service first, so that each wheel is unpacked once and not once per file.
      for (const sibling of condemned.siblings) await this.#start(sibling).lost
      return this.#unpackAll(condemned.wheels)
    })
    const all = this.#finish(file, { lost, trees }).finally(() => this.#running.delete(file))
    // Nobody may wait for them.
    for (const promise of [trees, all]) promise.catch(() => {})
    const heal = { lost, trees, all }
    this.#running.set(file, heal)
    return heal
  }

  async #condemn(file: Blake3): Promise<Lost | undefined> {
    const { catalog, blobs, clock, onCondemned, onDamage } = this.#options
    const state = await blobs.check(file)
    if (state === 'sound') return undefined
    let isKnown = false
    const condemning = catalog.condemn(file, async () => {
      // A download of the same file may have put a good one in its place meanwhile.
      if ((await blobs.check(file)) === 'sound') throw new StoreChangedError(`${file} is there again`)
      isKnown = true
      await blobs.quarantine(file, clock())
    })
    const condemned = await condemning.catch(undefinedIfChanged)
    if (condemned === undefined) return undefined
    onCondemned(condemned)
    for (const tree of condemned.trees) this.#trees.set(tree, condemned.wheels)
    if (isKnown) this.#condemned.add(file)
    if (isKnown) this.#counts[state] += 1
    if (isKnown && !this.#lost.has(file)) {
      this.#found += 1
      onDamage?.({ ...condemned, blake3: file, state, stage: 'found' })
    }
    return { ...condemned, state, isKnown }
  }

  async #finish(file: Blake3, { lost: losing, trees }: Pick<Heal, 'lost' | 'trees'>): Promise<Healed> {
    const lost = await losing
    if (lost === undefined) return 'sound'
    if (!lost.isKnown) return 'unknown'
    const results = await Promise.allSettled([this.#refetch(lost.distribution), trees])
    const stage = results.every((result) => result.status === 'fulfilled' && result.value) ? 'healed' : 'not healed'
    this.#counts[stage === 'healed' ? 'healed' : 'notHealed'] += 1
    if (stage === 'healed') this.#lost.delete(file)
    else if (lost.distribution !== undefined) this.#lost.set(file, this.#options.clock())
    const failed = results.find((result) => result.status === 'rejected')
    this.#options.onDamage?.({ ...lost, blake3: file, stage, ...(failed && { error: failed.reason as unknown }) })
    return stage
  }

  async #refetch(record: DistributionRecord | undefined): Promise<boolean> {
    if (record === undefined) return true
    const { refetch, blobs } = this.#options
    return refetch !== undefined && (await refetch(record)) && (await blobs.localPath(record.blake3)) !== undefined
  }

  async #unpackAll(wheels: readonly Blake3[]): Promise<boolean> {
    let isDone = true
    for (const wheel of wheels) isDone = (await this.#unpackAgain(wheel)) && isDone
    return isDone
  }

  async #unpackAgain(wheel: Blake3): Promise<boolean> {
    // The archive's own checksums do not cover every bit of it, so its digest is checked first.
    if ((await this.heal(wheel)) === 'not healed') return false
    try {
      const outcome = await this.#options.unpack(wheel)
      if (outcome.kind === 'unpacked') this.#trees.delete(outcome.tree)
      return outcome.kind === 'unpacked'
    } catch (error) {
      // It was pruned meanwhile: nobody needs the tree.
      if (error instanceof StoreChangedError) return true
      throw error
    }
  }
}

function undefinedIfChanged(error: unknown): undefined {
  if (!(error instanceof StoreChangedError)) throw error
}
