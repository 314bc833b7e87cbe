import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { RecordedFile, ScrubPosition } from '../../storage/catalog/catalog.ts'
import { createLayout } from '../../storage/layout.ts'
import type { ScrubProgress } from '../../storage/store.ts'
import {
  listQuarantine,
  openStore,
  openWheelStore,
  type Place,
  tamper,
  type Tampering,
} from '../support/wheel-store.ts'

const NEVER = new AbortController().signal
const FAST = { bytesPerSecond: undefined, signal: NEVER }
const PLACES: readonly Place[] = ['pack', 'large', 'huge', 'wheel']
const TAMPERINGS: readonly Tampering[] = ['flip', 'cut', 'empty', 'grow', 'delete']

describe('scrub', { concurrency: 2 }, () => {
  it('finds a sound store sound, and reads each file once', async (t) => {
    const { store, damages } = await openWheelStore(t)
    const { storedBytes, files } = await store.stats()
    const progress: unknown[] = []
    const outcome = await store.scrub({ ...FAST, onProgress: (told) => progress.push(told) })
    assert.deepEqual(outcome, {
      files,
      bytes: storedBytes,
      damaged: 0,
      missing: 0,
      healed: 0,
      notHealed: 0,
      complete: true,
    })
    assert.deepEqual(progress.at(-1), {
      files,
      bytes: storedBytes,
      totalFiles: files,
      totalBytes: storedBytes,
      damaged: 0,
    })
    assert.deepEqual(damages, [])
    const { scrub: run } = await store.catalog.findRuns()
    assert.deepEqual(run?.outcome, outcome)
  })

  for (const place of PLACES) {
    it(`heals the ${place === 'wheel' ? 'wheel' : `file of what is ${place}`}, whatever happened to it`, async (t) => {
      const wheelStore = await openWheelStore(t)
      const { store, folder, tree, damages } = wheelStore
      for (const [round, how] of TAMPERINGS.entries()) {
        await wheelStore.assertWhole()
        await tamper(await wheelStore.pathOf(place), how)
        const { damaged, missing, healed, notHealed, complete } = await store.scrub(FAST)
        const isMissing = Number(how === 'delete')
        const expected = { damaged: 1 - isMissing, missing: isMissing, healed: 1, notHealed: 0, complete: true }
        assert.deepEqual({ damaged, missing, healed, notHealed, complete }, expected, how)
        assert.deepEqual(
          damages.splice(0).map(({ stage }) => stage),
          ['found', 'healed'],
        )
        assert.equal(wheelStore.downloads(), place === 'wheel' ? round + 1 : 0)
      }
      const quarantined = new Set((await listQuarantine(folder)).map((name) => name.slice(-64)))
      assert.equal(quarantined.size, 1)
      assert.equal((await store.stats()).damaged, TAMPERINGS.length)
      assert.equal((await store.scrub(FAST)).healed, 0)
      const again = await wheelStore.reopen()
      assert.equal(again.tree, tree)
      await again.assertWhole()
    })
  }

  it('heals a tree whose wheel is damaged too', async (t) => {
    const wheelStore = await openWheelStore(t)
    const before = await wheelStore.store.stats()
    for (const place of PLACES) await tamper(await wheelStore.pathOf(place), 'flip')
    const { damaged, healed, notHealed, files } = await wheelStore.store.scrub(FAST)
    assert.deepEqual({ damaged, healed, notHealed }, { damaged: 4, healed: 4, notHealed: 0 })
    assert.ok(files >= before.files)
    const tree = wheelStore.damages.filter(({ wheels }) => wheels.length > 0)
    assert.equal(new Set(tree.map(({ blake3 }) => blake3)).size, 1, 'it was unpacked again once, not for each file')
    await wheelStore.assertWhole()
    assert.equal(wheelStore.downloads(), 1)
  })

  it('says what it could not heal, which is healed when it is there again', async (t) => {
    let hasUpstream = false
    const wheelStore = await openWheelStore(t, { hasUpstream: () => hasUpstream })
    const { store, damages, wheel } = wheelStore
    await tamper(await wheelStore.pathOf('wheel'), 'flip')
    const { damaged, healed, notHealed } = await store.scrub(FAST)
    assert.deepEqual({ damaged, healed, notHealed }, { damaged: 1, healed: 0, notHealed: 1 })
    assert.equal(damages.at(-1)?.stage, 'not healed')
    assert.equal(await store.findDistribution(wheel.blake3), undefined, 'the damaged one is not served')
    assert.equal(damages.filter(({ stage }) => stage === 'found').length, 1, 'it is told of once')
    hasUpstream = true
    const { missing, healed: healedThen } = await store.scrub(FAST)
    assert.deepEqual({ missing, healedThen }, { missing: 1, healedThen: 1 })
    await wheelStore.assertWhole()
  })

  it('can be broken off, and goes on from there', async (t) => {
    const { store } = await openWheelStore(t)
    const { files } = await store.stats()
    const ending = new AbortController()
    const first = await store.scrub({
      bytesPerSecond: 50 << 20,
      signal: ending.signal,
      onProgress: () => ending.abort(new Error('enough')),
    })
    if (first.complete) return
    assert.ok(first.files < files)
    const progress: ScrubProgress[] = []
    const rest = await store.scrub({ ...FAST, onProgress: (now) => progress.push(now) })
    assert.deepEqual([rest.complete, rest.files], [true, files], 'what was done before counts')
    assert.ok(progress.every((now) => now.files >= first.files))
    assert.equal((await store.scrub(FAST)).files, files, 'a whole one is followed by a whole one')
  })

  it('goes on from where a killed one was, and counts what that one found', async (t) => {
    const wheelStore = await openWheelStore(t)
    const { catalog } = wheelStore.store
    const { files } = await wheelStore.store.stats()
    const [{ cursor }] = (await catalog.listFiles(0, 1)) as [RecordedFile]
    const done = { files: 1, bytes: 10, damaged: 1, missing: 0, healed: 1, notHealed: 0 }
    await catalog.saveScrubPosition({ cursor, at: Date.now() - 1000, done })
    assert.equal((await catalog.findRuns()).scrub, undefined, 'it is none that has ended')
    const { store } = await wheelStore.reopen()
    const outcome = await store.scrub(FAST)
    assert.deepEqual([outcome.files, outcome.damaged, outcome.healed], [files, 1, 1])
    assert.equal(await store.catalog.findScrubPosition(), undefined)
  })

  it('starts at the beginning where the last one was broken off long ago', async (t) => {
    const { store } = await openWheelStore(t)
    await store.catalog.saveScrubPosition({ cursor: 1e9, at: Date.now() - 8 * 24 * 3_600_000, done: { files: 99 } })
    assert.equal((await store.scrub(FAST)).files, (await store.stats()).files)
  })

  it('notes now and then how far it has come', async (t) => {
    let now = Date.now()
    const { store } = await openWheelStore(t, { clock: () => (now += 60_000) })
    const noted: (number | undefined)[] = []
    t.mock.method(store.catalog, 'saveScrubPosition', async (position: ScrubPosition | undefined) => {
      noted.push(position?.cursor)
    })
    const { files } = await store.scrub(FAST)
    assert.equal(noted.length, files + 1)
    assert.equal(noted.at(-1), undefined)
  })

  it('keeps to its rate', async (t) => {
    const { store } = await openWheelStore(t)
    const { storedBytes } = await store.stats()
    const started = performance.now()
    await store.scrub({ ...FAST, bytesPerSecond: storedBytes * 4 })
    // The last chunk is slept off as well.
    assert.ok(performance.now() - started >= 240)
  })

  it('does not wait for a clock that was set back', async (t) => {
    let aheadMs = 3_600_000
    const { store } = await openWheelStore(t, { clock: () => Date.now() + aheadMs })
    const { catalog } = store
    const listFiles = catalog.listFiles.bind(catalog)
    t.mock.method(catalog, 'listFiles', (...given: Parameters<typeof listFiles>) => {
      // It has looked at the clock already.
      aheadMs = 0
      return listFiles(...given)
    })
    const { complete } = await store.scrub({ bytesPerSecond: 100 << 20, signal: AbortSignal.timeout(5000) })
    assert.equal(complete, true)
  })

  it('is for one at a time, of this process or another, and its end frees the place', async (t) => {
    const wheelStore = await openWheelStore(t)
    const other = await openStore(wheelStore.folder)
    t.after(() => other.close())
    const ending = new AbortController()
    const slow = wheelStore.store.scrub({ bytesPerSecond: 1000, signal: ending.signal })
    await assert.rejects(wheelStore.store.scrub(FAST), { code: 'ERR_SCRUB_RUNNING' })
    await assert.rejects(other.scrub(FAST), { code: 'ERR_SCRUB_RUNNING' })
    ending.abort(new Error('enough'))
    assert.equal((await slow).complete, false)
    assert.equal((await other.scrub(FAST)).complete, true)
  })

  it(
    'ends when it is told to, also while a file is fetched again that does not come',
    { timeout: 30_000 },
    async (t) => {
      const asked = Promise.withResolvers<void>()
      const coming = Promise.withResolvers<boolean>()
      const hasUpstream = (): Promise<boolean> => {
        asked.resolve()
        return coming.promise
      }
      const wheelStore = await openWheelStore(t, { hasUpstream })
      await tamper(await wheelStore.pathOf('wheel'), 'delete')
      const ending = new AbortController()
      const scrubbing = wheelStore.store.scrub({ bytesPerSecond: undefined, signal: ending.signal })
      await asked.promise
      ending.abort(new Error('enough'))
      assert.equal((await scrubbing).complete, false)
      coming.resolve(true)
      assert.equal((await wheelStore.store.scrub(FAST)).complete, true)
      await wheelStore.assertWhole()
    },
  )

  it('ends when its store is closed', async (t) => {
    const wheelStore = await openWheelStore(t)
    const slow = wheelStore.store.scrub({ bytesPerSecond: 1000, signal: NEVER })
    await wheelStore.reopen()
    assert.equal((await slow).complete, false)
  })

  it('does away with what was in quarantine for long', async (t) => {
    const { store, folder } = await openWheelStore(t)
    const { quarantine } = createLayout(folder)
    await mkdir(quarantine)
    for (const name of ['20200101T000000Z-old', '29990101T000000Z-new']) await writeFile(join(quarantine, name), name)
    await store.scrub(FAST)
    assert.deepEqual(await listQuarantine(folder), ['29990101T000000Z-new'])
  })
})
