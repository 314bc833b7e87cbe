import assert from 'node:assert/strict'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { Arbor, startArbor } from '../support/arbor.ts'
import { ask, type Exchange } from '../support/raw-http.ts'
import { openSmallDisk, type SmallDisk } from '../support/small-disk.ts'
import { findFaults, findStaged } from '../support/sound-store.ts'
import type { Upstream } from '../support/upstream.ts'
import { makeWares, startUpstreamOf, type Ware } from './wares.ts'

const DISK_BYTES = 48 << 20

interface Place {
  readonly disk: SmallDisk
  readonly upstream: Upstream
  readonly wares: readonly Ware[]
  readonly start: () => Promise<Arbor>
}

/** Undefined where no disk can be made; the test is then skipped. */
async function openPlace(t: TestContext): Promise<Place | undefined> {
  const disk = await openSmallDisk(DISK_BYTES)
  if (disk === undefined) {
    t.skip('no file system can be mounted here')
    return undefined
  }
  const wares = await makeWares()
  const upstream = await startUpstreamOf(wares)
  t.after(async () => {
    await upstream[Symbol.asyncDispose]()
    await disk[Symbol.asyncDispose]()
  })
  // Beside the data folder, so that it is read from the same disk.
  await writeFile(join(disk.seen, 'arbor.toml'), '[downloads]\nkeep-free = "1B"\n')
  const env = { ARBOR_CONFIG: join(disk.path, 'arbor.toml') }
  const start = (): Promise<Arbor> =>
    startArbor({ upstream: upstream.url, data: join(disk.path, 'data'), by: disk.through, env })
  return { disk, upstream, wares, start }
}

suite('a disk that is full to the last byte', () => {
  test('serves what it has and what it has not, prunes, and keeps again once there is room', async (t) => {
    const place = await openPlace(t)
    if (place === undefined) return
    const { disk, wares, start } = place
    const data = join(disk.seen, 'data')
    const had = wares.filter(({ project }) => ['tiny', 'single', 'packed'].includes(project))
    {
      await using arbor = await start()
      for (const ware of had) await assertServed(arbor, ware, { isStored: true })
      await disk.fill()
      for (const ware of had) await assertServed(arbor, ware, { isStored: true })
      for (const ware of wares.filter((each) => !had.includes(each) && each.project !== 'twin')) {
        await assertServed(arbor, ware, { isStored: false })
      }
      const { downloads } = (await arbor.stats()) as { downloads: { notKept: number; failed: object } }
      assert.ok(downloads.notKept > 0)
      assert.deepEqual(downloads.failed, {})
      assert.deepEqual(await findFaultsIn(data), [])
      assert.deepEqual(await findStaged(data), [], 'what cannot be kept takes no room')
    }
    {
      // It starts as well.
      await using arbor = await start()
      for (const ware of had) await assertServed(arbor, ware, { isStored: true })
      await prune(arbor, had.length)
      assert.deepEqual(await findFaultsIn(data, { isSwept: true }), [])
      await disk.free()
      for (const ware of wares) await assertServed(arbor, ware, { isStored: true })
    }
    assert.deepEqual(await findFaultsIn(data), [])
  })
})

/** In a copy: SQLite looks through the name that the folder has for us. */
async function findFaultsIn(data: string, options?: { readonly isSwept: boolean }): Promise<string[]> {
  const copy = await mkdtemp(join(tmpdir(), 'arbor-copy-'))
  try {
    await cp(data, copy, { recursive: true })
    return await findFaults(copy, options)
  } finally {
    await rm(copy, { recursive: true })
  }
}

/** The page, the file, and the tree of what is stored. */
async function assertServed(arbor: Arbor, ware: Ware, { isStored }: { readonly isStored: boolean }): Promise<void> {
  const { project, filename, sha256, blake3, bytes, tree } = ware
  const page = await get(arbor, `/simple/${project}/`)
  assert.ok(page.body.includes(filename))
  assert.ok((await get(arbor, `/files/main/${sha256}/${filename}`)).body.equals(bytes), filename)
  const whole = await get(arbor, `/wheels/blake3:${blake3}`, isStored ? 200 : 404)
  assert.ok(!isStored || whole.body.equals(bytes))
  if (tree === undefined) return
  const manifest = await get(arbor, `/wheels/sha256:${sha256}/tree`, isStored ? 200 : 404)
  assert.ok(!isStored || manifest.body.equals(tree.manifest))
}

async function get(arbor: Arbor, path: string, status = 200): Promise<Exchange> {
  const got = await ask(arbor.url, path)
  assert.equal(got.status, status, `${path}: ${got.body.subarray(0, 300).toString()}\n${arbor.output.slice(-3000)}`)
  assert.ok(got.complete, path)
  return got
}

async function prune(arbor: Arbor, count: number): Promise<void> {
  const headers = { authorization: `Bearer ${Arbor.adminToken}` }
  const body = '{"dryRun": false, "maxBytes": 0}'
  const got = await ask(arbor.url, '/admin/prune', { method: 'POST', headers, body })
  assert.equal(got.status, 200, got.body.toString() + arbor.output.slice(-3000))
  const { outcome } = JSON.parse(got.body.toString()) as { outcome: { distributions: number } }
  assert.equal(outcome.distributions, count)
}
