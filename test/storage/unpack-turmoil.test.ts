import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { nameBlobs } from '../../storage/blobs/naming.ts'
import { type Blake3, hashBlake3 } from '../../storage/digest.ts'
import { ArchiveRefusedError } from '../../storage/errors.ts'
import { diskIo } from '../../storage/io.ts'
import { createLayout } from '../../storage/layout.ts'
import { parseManifest } from '../../storage/manifest.ts'
import { createUnpacker, type Unpacker, type UnpackResult } from '../../storage/unpacker.ts'
import { Random } from '../support/random.ts'
import { readBlobs } from '../support/unpack-here.ts'
import { writeZip, type ZipMember } from '../support/zip-writer.ts'

const KIB = 1024
const MIB = 1024 * KIB
const seed = Number(process.env['ARBOR_TEST_SEED'] ?? 20261123)
const isLong = process.env['ARBOR_LONG'] === '1'
const ROUND_MS = isLong ? 60_000 : 1500

/** What packs, batches, pieces and files that are read whole end at, and one byte beside. */
const BORDERS = [64 * KIB, 512 * KIB, MIB, 2 * MIB, 4 * MIB].flatMap((size) => [size - 1, size, size + 1])

interface Wheel {
  readonly path: string
  /** Digests by path; of a bad one there are none. */
  readonly files: ReadonlyMap<string, Blake3> | undefined
  /** Why it was refused before. */
  refusal?: string
}

for (const threads of isLong ? [1, 2, 3] : [2]) {
  test(`each blob is what its name says, whatever failed in its thread before (${threads}, seed ${seed})`, async () => {
    await using turmoil = await openTurmoil(new Random(seed + threads), threads)
    // With many at once no thread is free to help.
    for (const atOnce of [threads + 2, 1]) {
      const end = performance.now() + ROUND_MS / 2
      const unpackSome = async (): Promise<void> => {
        while (performance.now() < end) await turmoil.unpackOne()
      }
      await Promise.all(Array.from({ length: atOnce }, unpackSome))
    }
    // Nobody disturbs the last ones: their threads are as good as new.
    for (let count = 0; count < 2 * threads; count += 1) await turmoil.unpackUndisturbed()
    if (isLong) console.log(turmoil.outcomes)
  })
}

async function openTurmoil(random: Random, threads: number): Promise<Turmoil> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-turmoil-'))
  const wheels: Wheel[] = []
  for (let index = 0; index < (isLong ? 40 : 8); index += 1) wheels.push(await makeWheel(random, folder, index))
  await mkdir(createLayout(folder).blobs)
  return new Turmoil({ random, folder, wheels, threads })
}

interface TurmoilOptions {
  readonly random: Random
  readonly folder: string
  readonly wheels: readonly Wheel[]
  readonly threads: number
}

const stopped = new Error('never mind')
const broken = new Error('the catalog is broken')

/** Unpacks wheels, and disturbs it. */
class Turmoil implements AsyncDisposable {
  /** How often what happened. */
  readonly outcomes: Record<string, number> = {}
  readonly #random: Random
  readonly #folder: string
  readonly #wheels: readonly Wheel[]
  readonly #unpacker: Unpacker
  /** What was said to be stored. */
  readonly #stored = new Set<Blake3>()
  #isCalm = false
  #count = 0
  #staging = ''

  constructor({ random, folder, wheels, threads }: TurmoilOptions) {
    this.#random = random
    this.#folder = folder
    this.#wheels = wheels
    this.#unpacker = createUnpacker({
      threads,
      limits: { maxRatio: Infinity },
      stage: () => this.#staging,
      findStored: (blake3s) => this.#findStored(blake3s),
    })
  }

  async unpackOne(): Promise<void> {
    const random = this.#random
    const wheel = random.pick(this.#wheels as [Wheel, ...Wheel[]])
    const staging = join(this.#folder, `staged-${(this.#count += 1)}-`)
    const inTheWay = random.chance(0.3) ? `${staging}${this.#pickFile()}` : undefined
    if (inTheWay !== undefined) await writeFile(inTheWay, 'in the way')
    const aborting = new AbortController()
    const timer = new AbortController()
    if (random.chance(0.4)) {
      const waiting = setTimeout(random.below(random.pick([5, 50, 500])), undefined, { signal: timer.signal })
      waiting.then(() => aborting.abort(stopped)).catch(() => {})
    }
    // It is asked for before anything is waited for.
    this.#staging = staging
    const outcome = await this.#unpacker.unpack(wheel.path, { signal: aborting.signal }).then(
      (result) => this.#check(wheel, result),
      (error: unknown) => this.#checkError(wheel, error),
    )
    timer.abort()
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1
    if (inTheWay !== undefined) await rm(inTheWay)
    const left = (await readdir(this.#folder)).filter((name) => name.startsWith(basename(staging)))
    assert.deepEqual(left, [], outcome)
  }

  async unpackUndisturbed(): Promise<void> {
    this.#isCalm = true
    const wheel = this.#wheels.find(({ files }) => files !== undefined)
    assert.ok(wheel !== undefined)
    this.#staging = join(this.#folder, `staged-${(this.#count += 1)}-`)
    await this.#check(wheel, await this.#unpacker.unpack(wheel.path))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#unpacker.close()
    await rm(this.#folder, { recursive: true })
  }

  /** One of those that are written. */
  #pickFile(): string {
    return `${this.#random.pick(['', '-help', '-second'])}-${1 + this.#random.below(this.#random.pick([2, 12]))}`
  }

  async #findStored(blake3s: readonly Blake3[]): Promise<Set<Blake3>> {
    if (this.#isCalm) return new Set()
    if (this.#random.chance(0.3)) await setTimeout(this.#random.below(30))
    if (this.#random.chance(0.03)) throw broken
    const stored = blake3s.filter(() => this.#random.chance(0.1))
    for (const blake3 of stored) this.#stored.add(blake3)
    return new Set(stored)
  }

  /** Every blob is there, as its name says, and its file gets that name. */
  async #check(wheel: Wheel, result: UnpackResult): Promise<string> {
    const { unpacked, staged, manifest } = result
    const written = await readBlobs(result)
    assert.equal(written.size, unpacked.placed.length)
    const job = { folder: this.#folder, files: staged, isAnyFolderNew: true }
    await (this.#unpacker.nameBlobs(job) ?? nameBlobs(diskIo, job))
    for (const { path, blake3 } of staged) {
      assert.ok(written.has(blake3), `${basename(wheel.path)}: ${basename(path)}`)
      assert.ok((await stat(createLayout(this.#folder).blob(blake3))).isFile())
    }
    const tree = await parseManifest(Buffer.from(manifest))
    assert.deepEqual(new Map(tree.files.map(({ path, blake3 }) => [path as string, blake3])), wheel.files)
    for (const blake3 of unpacked.blobs) assert.ok(written.has(blake3) || this.#stored.has(blake3))
    return 'unpacked'
  }

  #checkError(wheel: Wheel, error: unknown): string {
    if (error === stopped) return 'stopped'
    if (error === broken) return 'catalog'
    if (error instanceof ArchiveRefusedError && wheel.files === undefined) {
      wheel.refusal ??= `${error.path}: ${error.detail}`
      assert.equal(`${error.path}: ${error.detail}`, wheel.refusal)
      return error.reason
    }
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return 'disk'
    throw error
  }
}

/** Writes one, or one with some bad members. */
async function makeWheel(random: Random, folder: string, index: number): Promise<Wheel> {
  const members = index % 8 === 7 ? manyMembers(index) : someMembers(random, index)
  const isBad = [3, 5].includes(index % 8)
  for (let count = isBad ? 1 + random.below(6) : 0; count > 0; count -= 1) bend(random, members)
  const path = join(folder, `wheel-${index}`)
  await writeFile(path, writeZip(members))
  const files = members.filter(({ name }) => !name.endsWith('/'))
  return { path, files: isBad ? undefined : new Map(files.map(({ name, content }) => [name, hashBlake3(content)])) }
}

interface NamedMember extends ZipMember {
  readonly name: string
  readonly content: Buffer
}

/** Of all sizes, some of them twice. */
function someMembers(random: Random, index: number): NamedMember[] {
  const members: NamedMember[] = []
  const kept: Buffer[] = [Buffer.alloc(0)]
  const count = 5 + random.below(random.pick([3, 30, 3000]))
  let left = (isLong ? 60 : 20) * MIB
  for (let at = 0; at < count && left > 0; at += 1) {
    const isLarge = random.chance(20 / count)
    const size = isLarge
      ? random.pick([random.below(10 * MIB), ...BORDERS])
      : random.below(random.pick([9, 900, 90_000]))
    const kind = random.pick(['twin', 'false twin', ...Array.from({ length: 8 }, () => 'new')] as const)
    const known = random.pick(kept as [Buffer])
    const content = kind === 'new' ? contents(random, size) : kind === 'twin' ? known : falseTwin(known)
    if (kept.length < 20) kept.push(content)
    left -= content.length
    members.push({ name: `${index}/${at}`, content, method: random.pick([0, 8, 8]) })
    if (random.chance(0.02))
      members.push({ name: `empty-${index}-${at}/`, content: Buffer.alloc(0), method: random.pick([0, 8]) })
  }
  return members
}

/** With a manifest of 6 MiB. */
function manyMembers(index: number): NamedMember[] {
  return Array.from({ length: 20_000 }, (_, at) => ({
    name: `${'long'.repeat(60)}/${index}/${at}`,
    content: Buffer.from(`${at % 5000}`),
    method: 0,
  }))
}

function contents(random: Random, size: number): Buffer {
  const key = Buffer.alloc(16, `${random.below(2 ** 31)}`)
  const noise = createCipheriv('aes-128-ctr', key, key).update(
    Buffer.alloc(random.chance(0.5) ? size : Math.min(size, 40)),
  )
  return size === 0 ? noise : Buffer.alloc(size, noise)
}

/** Other bytes of the same length and CRC-32: its polynomial, added anywhere, changes no remainder. */
function falseTwin(content: Buffer): Buffer {
  const polynomial = [0x41, 0x06, 0x71, 0xdb, 0x01]
  if (content.length < polynomial.length) return content
  return Buffer.from(content.map((byte, at) => byte ^ (polynomial[at] ?? 0)))
}

/** Makes one bad, every other time a large one. */
function bend(random: Random, members: NamedMember[]): void {
  const large = members.filter(({ content }) => content.length >= 64 * KIB)
  const member = random.pick((random.chance(0.5) && large.length > 0 ? large : members) as [NamedMember])
  const wrong = random.chance(0.5) ? { crc32: 1 } : { size: member.content.length + 1, method: 8 }
  members[members.indexOf(member)] = { ...member, method: 8, local: wrong, central: wrong }
}
