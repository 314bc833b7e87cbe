import type { CatalogStats, PruneBudget, PruneOutcome, UnpackedTree } from '../../storage/catalog/catalog.ts'
import type { Blake3 } from '../../storage/digest.ts'
import type { Distribution, Place, Unpacking } from '../../storage/model.ts'

interface ModelDistribution {
  readonly size: number
  readonly usedAt: number
  readonly unpacking: Unpacking | undefined
}

interface ModelTree {
  readonly size: number
  readonly blobs: ReadonlySet<Blake3>
}

interface Kept {
  readonly trees: ReadonlySet<Blake3>
  readonly blobs: ReadonlySet<Blake3>
}

/** A catalog as simple as can be: it counts everything afresh each time, and keeps nothing that could be wrong. Wheels only. */
export class CatalogModel {
  readonly distributions = new Map<Blake3, ModelDistribution>()
  readonly trees = new Map<Blake3, ModelTree>()
  readonly blobs = new Map<Blake3, Place>()
  readonly packs = new Set<Blake3>()

  addDistribution({ blake3, size, storedAt }: Distribution): void {
    const known = this.distributions.get(blake3)
    this.#place(blake3, { kind: 'file', size })
    const usedAt = known === undefined ? storedAt : Math.max(known.usedAt + 1, storedAt)
    this.distributions.set(blake3, { size, usedAt, unpacking: known?.unpacking })
  }

  /** False: a blob is missing. */
  addTree(wheel: Blake3, { tree, record, blobs, placed }: UnpackedTree): boolean {
    const distribution = this.distributions.get(wheel)
    const all = new Set([...this.blobs.keys(), ...placed.map(([blake3]) => blake3)])
    if (distribution === undefined || blobs.some((blake3) => !all.has(blake3))) return false
    for (const [blake3, place] of placed) if (place.kind === 'file') this.#place(blake3, place)
    for (const [blake3, place] of placed) {
      if (place.kind !== 'packed') continue
      this.packs.add(place.pack)
      this.#place(blake3, place)
    }
    this.trees.set(tree.id, { size: tree.size, blobs: new Set(blobs) })
    this.distributions.set(wheel, { ...distribution, unpacking: { kind: 'unpacked', tree: tree.id, record } })
    return true
  }

  addRefusal(wheel: Blake3, refusal: Extract<Unpacking, { kind: 'refused' }>): void {
    const distribution = this.distributions.get(wheel)
    if (distribution === undefined || distribution.unpacking !== undefined) return
    this.distributions.set(wheel, { ...distribution, unpacking: refusal })
  }

  recordUse(wheel: Blake3, at: number): void {
    const distribution = this.distributions.get(wheel)
    if (distribution !== undefined) {
      this.distributions.set(wheel, { ...distribution, usedAt: Math.max(at, distribution.usedAt) })
    }
  }

  /** Which distributions a budget lets go, in order, and how many bytes each frees. */
  plan(
    { maxBytes = Infinity, unusedForMs = Infinity, maxFiles = Infinity }: PruneBudget,
    now: number,
    pinned: ReadonlySet<Blake3> = new Set(),
  ): [blake3: Blake3, freedBytes: number][] {
    const staying = new Set(this.distributions.keys())
    const order = [...this.distributions].toSorted(([, a], [, b]) => a.usedAt - b.usedAt)
    const going: [Blake3, number][] = []
    let bytes = this.#fileBytes(this.#kept(staying).blobs)
    let files = this.#fileCount(this.#kept(staying).blobs)
    for (const [blake3, { usedAt }] of order) {
      if (now - usedAt <= unusedForMs && bytes <= maxBytes && files <= maxFiles) break
      if (pinned.has(blake3)) continue
      staying.delete(blake3)
      const { blobs } = this.#kept(staying)
      const left = this.#fileBytes(blobs)
      going.push([blake3, bytes - left])
      bytes = left
      files = this.#fileCount(blobs)
    }
    return going
  }

  prune(going: Iterable<Blake3>): PruneOutcome {
    const before = this.stats()
    for (const blake3 of going) this.distributions.delete(blake3)
    const { trees, blobs } = this.#kept(new Set(this.distributions.keys()))
    for (const id of this.trees.keys()) if (!trees.has(id)) this.trees.delete(id)
    for (const blake3 of this.blobs.keys()) {
      if (blobs.has(blake3)) continue
      this.blobs.delete(blake3)
      this.packs.delete(blake3)
    }
    const after = this.stats()
    return {
      distributions: before.distributions - after.distributions,
      trees: before.trees - after.trees,
      blobs: before.blobs - after.blobs,
      packs: before.packs - after.packs,
      freedBytes: before.storedBytes - after.storedBytes,
    }
  }

  /** A file is lost: what needs any of its bytes goes, but a distribution stays. Returns the wheels to unpack again. */
  condemn(file: Blake3): Set<Blake3> {
    const lost = new Set([file])
    for (const [blake3, place] of this.blobs) if (place.kind === 'packed' && place.pack === file) lost.add(blake3)
    const trees = new Set([...this.trees].flatMap(([id, { blobs }]) => (lost.isDisjointFrom(blobs) ? [] : id)))
    const wheels = new Set<Blake3>()
    for (const [blake3, distribution] of this.distributions) {
      const { unpacking } = distribution
      if (unpacking?.kind !== 'unpacked' || !trees.has(unpacking.tree)) continue
      wheels.add(blake3)
      this.distributions.set(blake3, { ...distribution, unpacking: undefined })
    }
    for (const id of trees) this.trees.delete(id)
    for (const blake3 of lost) {
      if (this.distributions.has(blake3)) continue
      this.blobs.delete(blake3)
      this.packs.delete(blake3)
    }
    return wheels
  }

  stats(): CatalogStats {
    const outcomes = [...this.distributions.values()].map(({ unpacking }) => unpacking?.kind)
    const count = (kind: Unpacking['kind'] | undefined): number => outcomes.filter((outcome) => outcome === kind).length
    const blobs = [...this.blobs].filter(([blake3]) => !this.packs.has(blake3))
    const slices = blobs.filter(([, place]) => place.kind === 'packed')
    const manifests = [...this.trees.keys()].flatMap((id) => this.blobs.get(id) ?? [])
    return {
      pages: 0,
      distributions: this.distributions.size,
      wheels: { unpacked: count('unpacked'), refused: count('refused'), pending: count(undefined) },
      trees: this.trees.size,
      blobs: blobs.length,
      packs: this.packs.size,
      files: this.files().length,
      logicalBytes: sum(this.distributions.values()) + sum(this.trees.values()) + sum(manifests),
      uniqueBytes: sum(blobs.map(([, place]) => place)),
      storedBytes: this.#fileBytes(this.blobs.keys()),
      slackBytes: this.#fileBytes(this.packs) - sum(slices.map(([, place]) => place)),
    }
  }

  /** The blobs that have files. */
  files(): Blake3[] {
    return [...this.blobs].flatMap(([blake3, place]) => (place.kind === 'file' ? blake3 : []))
  }

  #place(blake3: Blake3, place: Place): void {
    const known = this.blobs.get(blake3)
    if (known === undefined || (known.kind === 'packed' && place.kind === 'file')) this.blobs.set(blake3, place)
  }

  #kept(distributions: ReadonlySet<Blake3>): Kept {
    const trees = new Set<Blake3>()
    const blobs = new Set(distributions)
    for (const blake3 of distributions) {
      const unpacking = this.distributions.get(blake3)?.unpacking
      if (unpacking?.kind !== 'unpacked') continue
      trees.add(unpacking.tree)
      for (const blob of this.trees.get(unpacking.tree)?.blobs ?? []) blobs.add(blob)
    }
    for (const blake3 of blobs) {
      const place = this.blobs.get(blake3)
      if (place?.kind === 'packed') blobs.add(place.pack)
    }
    return { trees, blobs }
  }

  #fileCount(blobs: Iterable<Blake3>): number {
    return [...blobs].filter((blake3) => this.blobs.get(blake3)?.kind === 'file').length
  }

  #fileBytes(blobs: Iterable<Blake3>): number {
    return sum([...blobs].flatMap((blake3) => this.blobs.get(blake3) ?? []).filter((place) => place.kind === 'file'))
  }
}

function sum(sized: Iterable<{ readonly size: number }>): number {
  return [...sized].reduce((total, { size }) => total + size, 0)
}
