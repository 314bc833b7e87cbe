import assert from 'node:assert/strict'
import type { Catalog, PruneBudget } from '../../storage/catalog/catalog.ts'
import type { Blake3 } from '../../storage/digest.ts'
import type { InCatalog } from './catalog.ts'
import { CatalogModel } from './catalog-model.ts'
import { MANIFEST_SIZE, REFUSAL, WHEEL, blake3Of, distributionOf, unpackedOf } from './catalog-samples.ts'

const SEEDS = 8
const STEPS = 120

/** Random operations on the catalog and on a naive model of it must always agree. */
export function testAgainstModel(inCatalog: InCatalog): void {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    inCatalog(`seed ${seed}: the same as a naive model`, async (catalog) => {
      const walk = new RandomWalk(catalog, seed)
      for (let step = 0; step < STEPS; step += 1) await walk.step()
      await walk.pruneAll()
    })
  }
}

type Member = readonly [name: string, size: number]

class RandomWalk {
  readonly #catalog: Catalog
  readonly #model = new CatalogModel()
  /** The files that a blob store would have. */
  readonly #files = new Set<Blake3>()
  readonly #contents: (readonly Member[])[] = []
  readonly #pinned = new Set<Blake3>()
  readonly #random: (limit: number) => number
  /** Each operation has its own second, so that the order of use is never a matter of chance. */
  #now = 0

  constructor(catalog: Catalog, seed: number) {
    this.#catalog = catalog
    this.#random = randomNumbers(seed)
  }

  async step(): Promise<void> {
    this.#now += 1000
    const action = this.#random(22)
    if (action < 6) await this.#addDistribution()
    else if (action < 14) await this.#addTree()
    else if (action < 15) await this.#addRefusal()
    else if (action < 18) await this.#recordUse()
    else if (action < 20) await this.#prune(this.#budget(), { uses: this.#random(3) === 0 })
    else if (action < 21) await this.#condemn()
    else await this.#changePins()
    await this.#compare()
  }

  async pruneAll(): Promise<void> {
    for (const { pin } of await this.#catalog.listPins()) await this.#catalog.removePin(pin)
    this.#pinned.clear()
    await this.#prune({ maxBytes: 0 }, { uses: false })
    assert.deepEqual([...this.#files], [])
  }

  async #addDistribution(): Promise<void> {
    const distribution = distributionOf(this.#someWheel(), { storedAt: this.#now })
    this.#files.add(distribution.blake3)
    this.#model.addDistribution(distribution)
    await this.#catalog.addDistribution(distribution, WHEEL)
  }

  /** A tree of known and unknown blobs, wheels among them; sometimes as if what is stored was not, or was still. */
  async #addTree(): Promise<void> {
    const known = [...this.#model.distributions.keys()]
    const wheel = known[this.#random(known.length + 1)] ?? blake3Of(this.#someWheel())
    const members = this.#someMembers()
    const found = await this.#catalog.findStored(members.map(([name]) => blake3Of(name)))
    const files: Record<string, number> = {}
    const slices: Record<string, number> = {}
    const old: string[] = []
    for (const [name, size] of members) {
      const isStored = this.#random(20) === 0 ? this.#random(2) === 0 : found.has(blake3Of(name))
      if (isStored) old.push(name)
      else if (size >= 100) files[name] = size
      else slices[name] = size
    }
    // Content decides on names, as it does on digests.
    const contents = new Map(members)
    const name = `tree of ${[...contents.keys()].toSorted().join()}`
    const stored = old.filter((one) => !(one in files || one in slices))
    const packName = `pack of ${Object.keys(slices).join()} and ${name}`
    const { tree, ...rest } = unpackedOf(name, { files, slices, stored, packName })
    const size = [...contents.values()].reduce((sum, one) => sum + one, 0)
    const unpacked = { tree: { ...tree, size, fileCount: contents.size }, ...rest }
    const isAdded = this.#model.addTree(wheel, unpacked)
    const adding = this.#catalog.addTree(wheel, unpacked)
    if (!isAdded) return assert.rejects(adding, { code: 'ERR_STORE_CHANGED' })
    await adding
    for (const [blake3, place] of unpacked.placed) if (place.kind === 'file') this.#files.add(blake3)
  }

  async #addRefusal(): Promise<void> {
    const wheel = blake3Of(this.#someWheel())
    if (!this.#model.distributions.has(wheel)) return
    this.#model.addRefusal(wheel, REFUSAL)
    await this.#catalog.addRefusal(wheel, REFUSAL)
  }

  async #recordUse(): Promise<void> {
    const uses = new Map([this.#now, this.#now + 1].map((at) => [blake3Of(this.#someWheel()), at]))
    for (const [wheel, at] of uses) this.#model.recordUse(wheel, at)
    await this.#catalog.recordUse(uses)
  }

  /** A file that is there; its distribution, if it is one, comes again at once. */
  async #condemn(): Promise<void> {
    const files = [...this.#files]
    const file = files[this.#random(files.length)]
    if (file === undefined) return
    const isKnown = this.#model.files().includes(file)
    const expected = this.#model.condemn(file)
    const { distribution, wheels } = await this.#catalog.condemn(file, async () => void this.#files.delete(file))
    assert.equal(this.#files.has(file), !isKnown)
    assert.deepEqual(new Set(wheels), expected)
    assert.equal(distribution?.blake3, this.#model.distributions.has(file) ? file : undefined)
    if (distribution !== undefined) this.#files.add(file)
  }

  async #changePins(): Promise<void> {
    const name = this.#someWheel()
    const pin = { kind: 'digest', sha256: distributionOf(name).sha256 } as const
    if (this.#pinned.delete(blake3Of(name))) assert.ok(await this.#catalog.removePin(pin))
    else await this.#catalog.addPin(pin, this.#now)
    if ((await this.#catalog.listPins()).some((kept) => kept.pin.kind === 'digest' && kept.pin.sha256 === pin.sha256)) {
      this.#pinned.add(blake3Of(name))
    }
  }

  #budget(): PruneBudget {
    const { storedBytes } = this.#model.stats()
    switch (this.#random(5)) {
      case 0:
        return {}
      case 1:
        return { unusedForMs: this.#random(50) * 1000 }
      case 2:
        return { maxFiles: this.#random(this.#files.size + 1) }
      case 3:
        return { maxBytes: this.#random(storedBytes + 1) }
      default:
        return { maxBytes: this.#random(storedBytes + 1), unusedForMs: this.#random(50) * 1000 }
    }
  }

  /** @param options.uses whether something is used between the plan and its execution. */
  async #prune(budget: PruneBudget, { uses }: { readonly uses: boolean }): Promise<void> {
    const plan = await this.#catalog.planPrune(budget, this.#now)
    const planned = Array.from(plan.distributions, ({ blake3, freedBytes }) => [blake3, freedBytes] as const)
    assert.deepEqual(planned, this.#model.plan(budget, this.#now, this.#pinned))
    assert.equal(plan.storedBytes, this.#model.stats().storedBytes)
    const spared = new Set<Blake3>()
    if (uses) {
      await this.#recordUse()
      for (const { blake3, usedAt } of plan.distributions) {
        if (this.#model.distributions.get(blake3)?.usedAt !== usedAt) spared.add(blake3)
      }
    }
    const going = Array.from(plan.distributions, ({ blake3 }) => blake3).filter((blake3) => !spared.has(blake3))
    const expected = this.#model.prune(going)
    const release = async (blobs: readonly Blake3[]): Promise<void> => {
      for (const blake3 of blobs) assert.ok(this.#files.delete(blake3), 'a file is released once')
    }
    assert.deepEqual(await this.#catalog.executePrune(plan, release), expected)
    if (spared.size === 0) {
      const { trees, blobs, packs, freedBytes } = plan
      assert.deepEqual({ distributions: going.length, trees, blobs, packs, freedBytes }, expected)
    }
    assert.deepEqual(this.#files, new Set(this.#model.files()))
    const again = await this.#catalog.planPrune({}, this.#now)
    assert.deepEqual([again.trees, again.blobs, again.packs, again.freedBytes], [0, 0, 0, 0])
  }

  async #compare(): Promise<void> {
    assert.deepEqual(await this.#catalog.stats(), this.#model.stats())
    for (const [blake3, place] of this.#model.blobs) assert.deepEqual(await this.#catalog.findPlace(blake3), place)
    for (const [blake3, { unpacking }] of this.#model.distributions) {
      const found = await this.#catalog.findDistribution({ algorithm: 'blake3', hex: blake3 })
      assert.deepEqual(found?.unpacking, unpacking)
    }
    for (const file of this.#model.files()) assert.ok(this.#files.has(file), 'each record of a file has its file')
  }

  /** Of a new tree, or one that there was before. */
  #someMembers(): readonly Member[] {
    const before = this.#random(3) === 0 ? this.#contents[this.#random(this.#contents.length + 1)] : undefined
    if (before !== undefined) return before
    const members = Array.from({ length: 1 + this.#random(12) }, () => this.#someMember())
    this.#contents.push(members)
    return members
  }

  #someWheel(): string {
    return `wheel ${this.#random(12)}`
  }

  #someMember(): Member {
    const number = this.#random(30)
    switch (this.#random(12)) {
      case 0:
        return [this.#someWheel(), 100]
      case 1:
        // The manifest of a tree with no member can be a member of another.
        return [`manifest of tree of small ${number}`, MANIFEST_SIZE]
      case 2:
      case 3:
        return [`large ${number}`, 1000 + number]
      default:
        return [`small ${number}`, number]
    }
  }
}

/** Mulberry32: the same numbers for the same seed, each from 0 up to below `limit`. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}
