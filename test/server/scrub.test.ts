import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { openLog } from '../../server/log.ts'
import { scheduleScrubs } from '../../server/schedule-scrubs.ts'
import { type Blake3, hashBlake3, hashSha256 } from '../../storage/digest.ts'
import { createLayout } from '../../storage/layout.ts'
import { type InProcessArbor, serveArbor } from '../support/in-process.ts'
import { ask } from '../support/raw-http.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { listQuarantine, openWheelStore, SPAM, tamper } from '../support/wheel-store.ts'

const filename = 'spam-1-py3-none-any.whl'
const listed = await distributionOf(filename, SPAM)
const sha256 = hashSha256(SPAM)
const blake3 = hashBlake3(SPAM)

interface Manifest {
  readonly dirhash: string
  readonly files: readonly { readonly path: string; readonly blake3: Blake3 }[]
}

/** A data folder with the wheel and its tree, and what was answered while all was well. */
interface Filled {
  readonly data: string
  readonly upstream: Upstream
  readonly path: string
  readonly root: string
  readonly manifest: Manifest
  /** The wheel's file comes last. */
  readonly blobs: readonly string[]
}

async function fill(t: TestContext): Promise<Filled> {
  const data = await mkdtemp(join(tmpdir(), 'arbor-scrub-'))
  t.after(() => rm(data, { recursive: true }))
  const upstream = await startUpstream({ distributions: [listed] })
  t.after(() => upstream[Symbol.asyncDispose]())
  await using arbor = await serveArbor({ upstream, data })
  const { path } = await arbor.locate('spam', filename)
  assert.ok((await ask(arbor.url, path)).body.equals(SPAM))
  const { headers, body } = await ask(arbor.url, `/wheels/sha256:${sha256}/tree`)
  const layout = createLayout(data)
  const found = await readdir(layout.blobs, { recursive: true, withFileTypes: true })
  const files = found.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name))
  const wheel = layout.blob(blake3)
  return {
    data,
    upstream,
    path,
    root: String(headers['content-location']),
    manifest: JSON.parse(body.toString()) as Manifest,
    blobs: [...files.filter((file) => file !== wheel), wheel],
  }
}

/** Whatever is asked for is right. */
async function assertRight({ url }: InProcessArbor, { path, root, manifest }: Filled): Promise<void> {
  for (const address of [path, `/wheels/sha256:${sha256}`, `/wheels/blake3:${blake3}`, `/blobs/blake3:${blake3}`]) {
    const { status, body } = await ask(url, address)
    assert.equal(status, 200, address)
    assert.ok(body.equals(SPAM), address)
  }
  for (const address of [root, `/wheels/sha256:${sha256}/tree`]) {
    const { status, body } = await ask(url, address)
    assert.equal(status, 200, address)
    assert.deepEqual(JSON.parse(body.toString()), manifest)
  }
  for (const file of manifest.files) {
    const { body } = await ask(url, `${root}/${file.path}`)
    assert.equal(hashBlake3(body), file.blake3, file.path)
    assert.ok((await ask(url, `/blobs/blake3:${file.blake3}`)).body.equals(body), file.path)
  }
  for (const form of ['tar', 'tar.gz', 'tar.zst']) assert.equal((await ask(url, `${root}.${form}`)).complete, true)
}

async function scrub({ url }: InProcessArbor): Promise<Record<string, unknown>> {
  const headers = { authorization: 'Bearer secret-for-tests' }
  const started = await ask(url, '/admin/scrub', { method: 'POST', headers })
  assert.equal(started.status, 202)
  const job = new URL(String(started.headers.location), `${url}/admin/scrub`)
  for (;;) {
    const { body } = await ask(url, job.pathname, { headers })
    const { state, result } = JSON.parse(body.toString()) as { state: string; result?: object }
    if (state !== 'running') return { state, ...result }
  }
}

describe('a damaged store', { concurrency: 2 }, () => {
  it('is right again after a scrub that was asked for, though every file of it was damaged', async (t) => {
    const filled = await fill(t)
    await using arbor = await serveArbor(filled)
    await assertRight(arbor, filled)
    for (const path of filled.blobs) await tamper(path, 'flip')
    const { damaged, healed, notHealed } = await scrub(arbor)
    assert.equal(notHealed, 0)
    assert.ok(damaged === healed && Number(damaged) >= 1)
    await assertRight(arbor, filled)
    const quarantined = (await listQuarantine(filled.data)).map((name) => name.slice(-64))
    assert.deepEqual(quarantined.toSorted(), filled.blobs.map((path) => path.slice(-65).replace('/', '')).toSorted())
    assert.equal((await arbor.stats())['store']?.['damaged'], filled.blobs.length)
    assert.ok(arbor.log.some((line) => line['blake3'] === blake3 && line['state'] === 'damaged'))
    assert.deepEqual(errors(arbor), [])
  })

  for (const how of ['cut', 'delete'] as const) {
    it(`answers rightly without a scrub after ${how}, whichever file it was`, async (t) => {
      const filled = await fill(t)
      for (const path of filled.blobs) {
        await tamper(path, how)
        await using arbor = await serveArbor(filled)
        await assertRight(arbor, filled)
        assert.deepEqual(errors(arbor), [])
      }
    })
  }

  it('answers the same question of twenty at once, and downloads once', async (t) => {
    const filled = await fill(t)
    for (const path of filled.blobs) await tamper(path, 'delete')
    await using arbor = await serveArbor(filled)
    const before = downloads(filled)
    const questions = [
      filled.path,
      `/wheels/sha256:${sha256}`,
      filled.root,
      `${filled.root}.tar.gz`,
      `${filled.root}.tar`,
    ]
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => ask(arbor.url, questions[index % questions.length] ?? '')),
    )
    for (const { status, complete } of answers) assert.deepEqual({ status, complete }, { status: 200, complete: true })
    await assertRight(arbor, filled)
    assert.equal(downloads(filled), before + 1)
  })

  it('makes trees again while upstream is gone, says what it cannot have, and has it once upstream is back', async (t) => {
    const filled = await fill(t)
    const wheel = filled.blobs.at(-1) ?? ''
    await filled.upstream.stop()
    await using arbor = await serveArbor(filled)
    for (const path of filled.blobs.slice(0, -1)) await tamper(path, 'delete')
    const { healed, missing, notHealed } = await scrub(arbor)
    assert.deepEqual({ healed, notHealed }, { healed: missing, notHealed: 0 })
    await assertRight(arbor, filled)
    await tamper(wheel, 'flip')
    assert.equal((await scrub(arbor))['notHealed'], 1)
    for (const address of [filled.path, `/wheels/sha256:${sha256}`, `/blobs/blake3:${blake3}`]) {
      const { status } = await ask(arbor.url, address)
      assert.ok(status >= 500, `${address}: ${status}`)
    }
    await filled.upstream.start()
    await using after = await serveArbor({ ...filled })
    await assertRight(after, filled)
  })
})

describe('the schedule of scrubs', () => {
  it('scrubs once, and not again before it is due', async (t) => {
    const { store } = await openWheelStore(t)
    const lines: string[] = []
    const log = openLog('info', { write: (line) => lines.push(line) })
    let now = Date.now()
    const clock = (): number => now
    const schedule = { scrubIntervalMs: 1000, scrubBytesPerSecond: undefined }
    const scheduler = scheduleScrubs({ store, clock, log, lookMs: 1 }, schedule)
    const runs = async (): Promise<number | undefined> => (await store.catalog.findRuns()).scrub?.endedAt
    const next = async (previous: number | undefined): Promise<number | undefined> => {
      for (;;) {
        const at = await runs()
        if (at !== previous) return at
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
    const first = await next(undefined)
    now = (first ?? 0) + 999
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setTimeout(resolve, 1))
    assert.equal(await runs(), first)
    now += 2
    assert.notEqual(await next(first), first)
    await scheduler.close()
    assert.ok(lines.length >= 2)
  })

  it('does nothing where it is off, and breaks a scrub off when it is closed', async (t) => {
    const { store } = await openWheelStore(t)
    const log = openLog('silent')
    const parts: Parameters<typeof scheduleScrubs>[0] = { store, clock: Date.now, log, lookMs: 1 }
    await scheduleScrubs(parts, { scrubIntervalMs: undefined, scrubBytesPerSecond: undefined }).close()
    const { promise: started, resolve: start } = Promise.withResolvers<void>()
    const watched: typeof parts.store = { catalog: store.catalog, scrub: (options) => (start(), store.scrub(options)) }
    const scheduler = scheduleScrubs({ ...parts, store: watched }, { scrubIntervalMs: 1000, scrubBytesPerSecond: 1000 })
    await started
    await scheduler.close()
    const { scrub: run } = await store.catalog.findRuns()
    assert.equal(run && 'complete' in run.outcome && run.outcome.complete, false)
  })
})

function downloads({ upstream }: Filled): number {
  return upstream.requests.filter((request) => request.path.endsWith('.whl')).length
}

function errors({ log }: InProcessArbor): unknown[] {
  return log.filter((line) => line['level'] === 'error' || Number(line['level']) >= 50)
}
