import { gunzipSync } from 'node:zlib'
import { hashSha256 } from '../../storage/digest.ts'
import { Arbor } from '../support/arbor.ts'
import type { Random } from '../support/random.ts'
import { ask, type Exchange } from '../support/raw-http.ts'
import type { Ware } from './wares.ts'

/** A running server, as its clients know it. */
export interface Target {
  readonly url: string
  /** It is being killed: that what it says breaks off is no fault any more. */
  isKilled: boolean
}

export interface TrafficOptions {
  readonly wares: readonly Ware[]
  readonly random: Random
  /** Where the next request goes. */
  readonly choose: () => Target
  /** Where prunes go; by default nobody prunes. */
  readonly choosePruned?: () => Target
}

/** What was acknowledged as stored: by whom it was asked for last, and when. */
interface Acknowledged {
  readonly target: Target
  readonly at: number
  readonly blake3: string
}

type Act = readonly [name: string, act: (traffic: Traffic, target: Target, ware: Ware) => Promise<void>]

/** How long unused goes, milliseconds: everything, or what nobody asked for lately. */
const UNUSED_MS: readonly [number, ...number[]] = [0, 150, 600]

/**
 * Several clients that ask for everything all the time, and hold each answer to what it has to be. Whatever is not as it should be becomes
 * one of {@link faults}. It knows too what must be stored: what an answer told to be stored, and no prune can have taken.
 */
export class Traffic {
  readonly faults: string[] = []
  /** Answers that were right. */
  answers = 0
  prunes = 0
  readonly #options: TrafficOptions
  /** By SHA-256. */
  readonly #stored = new Map<string, Acknowledged>()
  readonly #archives = new Map<string, string>()
  /** Of a prune that runs: what was stored when it began. */
  #atRisk: Map<string, Acknowledged> | undefined
  #pruneStarts = 0

  constructor(options: TrafficOptions) {
    this.#options = options
  }

  /** BLAKE3 of what must be stored. */
  get stored(): string[] {
    return [...this.#stored.values()].map(({ blake3 }) => blake3)
  }

  /** Runs so many clients until `signal`, and lets what they began end. */
  async run(clients: number, signal: AbortSignal): Promise<void> {
    const pruner = this.#options.choosePruned === undefined ? [] : [this.#prune(this.#options.choosePruned, signal)]
    await Promise.all([...pruner, ...Array.from({ length: clients }, () => this.#runClient(signal))])
  }

  static readonly #acts: readonly [Act, ...Act[]] = [
    ['file', (traffic, target, ware) => traffic.#getFile(target, ware)],
    ['file', (traffic, target, ware) => traffic.#getFile(target, ware)],
    ['range', (traffic, target, ware) => traffic.#getRange(target, ware)],
    ['tree', (traffic, target, ware) => traffic.#getTree(target, ware)],
    ['tree file', (traffic, target, ware) => traffic.#getTreeFile(target, ware)],
    ['archive', (traffic, target, ware) => traffic.#getArchive(target, ware)],
  ]

  async #runClient(signal: AbortSignal): Promise<void> {
    const { random, wares, choose } = this.#options
    const [first, ...others] = wares
    if (first === undefined) return
    while (!signal.aborted && this.faults.length === 0) {
      const ware = random.pick([first, ...others])
      const target = choose()
      if (target.isKilled) {
        await pause(10)
        continue
      }
      const [name, act] = random.pick(Traffic.#acts)
      await this.#attempt(name, target, () => act(this, target, ware))
      if (random.chance(0.5)) await this.#attempt('lookup', target, () => this.#lookUp(target, ware))
    }
  }

  /** A fault of a server that is being killed is none, as long as nothing wrong looks whole. */
  async #attempt(what: string, target: Target, act: () => Promise<void>): Promise<void> {
    try {
      await act()
      this.answers += 1
    } catch (error) {
      if (target.isKilled && !(error instanceof WrongBytes)) return
      this.faults.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  async #getFile(target: Target, ware: Ware): Promise<void> {
    expectBytes(await get(target, fileOf(ware)), ware.bytes)
  }

  async #getRange(target: Target, { bytes, ...ware }: Ware): Promise<void> {
    const first = this.#options.random.below(bytes.length)
    const last = first + this.#options.random.below(bytes.length - first)
    const got = await get(target, fileOf(ware), { Range: `bytes=${first}-${last}` })
    if (got.status === 206) expectBytes(got, bytes.subarray(first, last + 1), 206)
    else expectBytes(got, bytes)
  }

  async #getTree(target: Target, { sha256, tree }: Ware): Promise<void> {
    const got = await get(target, `/wheels/sha256:${sha256}/tree`)
    if (!isPruned(got)) expectBytes(got, tree?.manifest)
  }

  async #getTreeFile(target: Target, { tree }: Ware): Promise<void> {
    if (tree === undefined) return
    const [path, contents] = tree.files[this.#options.random.below(tree.files.length)] ?? []
    const got = await get(target, `/trees/blake3:${tree.id}/${path}`)
    if (!isPruned(got)) expectBytes(got, contents)
  }

  /** The same wheel gives the same archive, from whatever process. */
  async #getArchive(target: Target, { sha256, tree, filename }: Ware): Promise<void> {
    if (tree === undefined) return
    const got = await get(target, `/wheels/sha256:${sha256}/tree.tar.gz`)
    if (isPruned(got)) return
    expectWhole(got)
    const digest = hashSha256(got.body)
    if (!this.#archives.has(sha256)) {
      gunzipSync(got.body)
      this.#archives.set(sha256, digest)
    }
    if (this.#archives.get(sha256) !== digest) throw new WrongBytes(`another archive of ${filename} than before`)
  }

  /** Asks whether something is stored: then it must stay. */
  async #lookUp(target: Target, { sha256, blake3 }: Ware): Promise<void> {
    const wasStored = this.#stored.has(sha256)
    const isCalm = this.#watchPrunes()
    const at = performance.now()
    // It counts as a use, other than the question whether it is there.
    const got = await get(target, `/wheels/blake3:${blake3}`)
    if (got.status === 404) {
      if (wasStored && isCalm()) throw new Error(`${sha256} is not stored any more`)
      return
    }
    expectWhole(got)
    if (hashSha256(got.body) !== sha256) throw new WrongBytes(`${sha256} has other bytes`)
    if (isCalm()) this.#stored.set(sha256, { target, at, blake3 })
  }

  /** Tells whether no prune ran at any moment since. */
  #watchPrunes(): () => boolean {
    const starts = this.#pruneStarts
    const isCalm = this.#atRisk === undefined
    return () => isCalm && this.#pruneStarts === starts
  }

  /** Prunes now and then, by what nobody used lately. */
  async #prune(choose: () => Target, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.faults.length === 0) {
      await Promise.race([pause(100 + this.#options.random.below(400)), aborted(signal)])
      const target = choose()
      if (signal.aborted || target.isKilled) continue
      const unusedMs = this.#options.random.pick(UNUSED_MS)
      this.#pruneStarts += 1
      this.#atRisk = new Map(this.#stored)
      this.#stored.clear()
      let gone: ReadonlySet<string> | undefined
      await this.#attempt('prune', target, async () => {
        gone = await askToPrune(target, unusedMs)
        this.prunes += 1
      })
      for (const [sha256, acknowledged] of this.#atRisk) {
        // What was used through another process counts as used only once that has written it down.
        const isUsed = acknowledged.target === target && performance.now() - acknowledged.at < unusedMs
        if (isUsed || (gone !== undefined && !gone.has(sha256))) this.#stored.set(sha256, acknowledged)
      }
      this.#atRisk = undefined
    }
  }
}

/** A response that looks whole and is not what was asked for: never excused. */
class WrongBytes extends Error {}

function fileOf({ sha256, filename }: Pick<Ware, 'sha256' | 'filename'>): string {
  return `/files/main/${sha256}/${filename}`
}

async function get(
  target: Target,
  path: string,
  headers: Record<string, string> = {},
): Promise<Exchange & { readonly path: string }> {
  return { ...(await ask(target.url, path, { headers })), path }
}

/** What is asked for by its own digest need not be there; that it went while it was asked for is said as 503, "ask again". */
function isPruned({ status, complete, body }: Exchange): boolean {
  return complete && (status === 404 || (status === 503 && body.includes('ERR_STORE_CHANGED')))
}

function expectWhole(got: Exchange & { readonly path: string }, status = 200): void {
  if (!got.complete) throw new Error(`${got.path} broke off after ${got.body.length} bytes`)
  if (got.status !== status)
    throw new Error(`${got.path} is answered with ${got.status}: ${got.body.subarray(0, 500).toString()}`)
}

function expectBytes(got: Exchange & { readonly path: string }, expected: Uint8Array | undefined, status = 200): void {
  expectWhole(got, status)
  if (expected === undefined || !got.body.equals(expected)) throw new WrongBytes(`${got.path} has wrong bytes`)
}

async function askToPrune(target: Target, unusedMs: number): Promise<ReadonlySet<string>> {
  const { status, body } = await ask(target.url, '/admin/prune', {
    method: 'POST',
    headers: { authorization: `Bearer ${Arbor.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ dryRun: false, unusedFor: `${unusedMs}ms` }),
  })
  if (status !== 200) throw new Error(`answered with ${status}: ${body.toString()}`)
  const { plan } = JSON.parse(body.toString()) as { plan: { distributions: { sha256: string }[] } }
  return new Set(plan.distributions.map(({ sha256 }) => sha256.replace(/^sha256:/, '')))
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms))
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
