import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { describe } from 'node:test'
import { hashBlake3 } from '../../storage/digest.ts'
import {
  adoptBytes,
  type BlobStoreFixture,
  type InStore,
  inStoreOf,
  listAll,
  readWhole,
  stageFile,
} from './blob-store.ts'

/** The part of the contract of {@link BlobStore} that a scrub relies on. */
export function testBlobStoreChecks(name: string, createFixture: () => Promise<BlobStoreFixture>): void {
  describe(`${name}: checking`, () => testChecking(inStoreOf(createFixture)))
}

function testChecking(inStore: InStore): void {
  inStore('tells what is sound from what is damaged and what is missing', async ({ fixture, store }) => {
    for (const size of [0, 10, 2_500_000]) {
      const content = randomBytes(size)
      assert.equal(await store.check(hashBlake3(content)), 'missing')
      const blake3 = await adoptBytes(store, content)
      const counts: number[] = []
      assert.equal(await store.check(blake3, { onRead: async (bytes) => void counts.push(bytes) }), 'sound')
      assert.equal(
        counts.reduce((sum, bytes) => sum + bytes, 0),
        size,
      )
      if (size === 0) continue
      await fixture.cut(blake3, size - 1)
      assert.equal(await store.check(blake3), 'damaged')
    }
  })

  inStore('is broken off by its signal', async ({ store }) => {
    const blake3 = await adoptBytes(store, randomBytes(2_500_000))
    const ending = new AbortController()
    const check = store.check(blake3, { signal: ending.signal, onRead: async () => ending.abort(new Error('enough')) })
    await assert.rejects(check, { message: 'enough' })
  })

  inStore('puts a blob aside, which can then be adopted again', async ({ fixture, store }) => {
    const content = randomBytes(1000)
    const blake3 = await adoptBytes(store, content)
    assert.ok((await readWhole(store, blake3)) !== undefined, 'its descriptor is kept')
    await fixture.cut(blake3, 10)
    await store.quarantine(blake3, Date.now())
    assert.equal(await store.open(blake3), undefined)
    assert.equal(await store.check(blake3), 'missing')
    assert.deepEqual(await listAll(store), new Set())
    await store.quarantine(blake3, Date.now())
    await adoptBytes(store, content)
    assert.deepEqual(await readWhole(store, blake3), content)
  })

  for (const length of [1000, 10]) {
    inStore(
      `replaces what is there, which may be damaged though it has ${length} bytes`,
      async ({ fixture, store }) => {
        const content = randomBytes(1000)
        await adoptBytes(store, content)
        await fixture.overwrite(hashBlake3(content), Buffer.alloc(length))
        const again = await stageFile(store, content)
        await store.adopt([again], { durable: 'later' })
        assert.deepEqual(await readWhole(store, again.blake3), content)
        await assert.rejects(stat(again.path), { code: 'ENOENT' })
      },
    )
  }

  inStore('syncs what was adopted, and takes what is gone for done', async ({ store }) => {
    const file = await stageFile(store, randomBytes(100))
    await store.adopt([file], { durable: 'later' })
    await store.sync(file.blake3)
    await store.remove([file.blake3])
    await store.sync(file.blake3)
    await store.sync(hashBlake3(randomBytes(8)))
  })

  inStore('lets one scrub at a time', async ({ fixture, store }) => {
    const other = await fixture.open()
    const claim = store.claimScrub()
    assert.ok(claim !== undefined)
    assert.equal(other.claimScrub(), undefined)
    assert.equal(store.claimScrub(), undefined)
    claim[Symbol.dispose]()
    const next = other.claimScrub()
    assert.ok(next !== undefined)
    next[Symbol.dispose]()
    await other.close()
  })
}
