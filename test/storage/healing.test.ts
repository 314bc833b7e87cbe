import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hashBlake3 } from '../../storage/digest.ts'
import { openWheelStore, type Place, readBlob, SPAM, tamper, type Tampering } from '../support/wheel-store.ts'

/** What a read finds before anything is sent: a changed byte only in what is kept in memory. */
const FOUND: readonly (readonly [Place, readonly Tampering[]])[] = [
  ['pack', ['flip', 'cut', 'empty', 'delete']],
  ['large', ['flip', 'cut', 'empty', 'delete']],
  ['huge', ['cut', 'empty', 'delete']],
  ['wheel', ['cut', 'empty', 'delete']],
]

describe('a read that meets a damaged file', { concurrency: 2 }, () => {
  for (const [place, tamperings] of FOUND) {
    it(`has it healed before anything is sent, and is right: ${place}`, async (t) => {
      let wheelStore = await openWheelStore(t)
      for (const how of tamperings) {
        const path = await wheelStore.pathOf(place)
        wheelStore = await wheelStore.reopen()
        await tamper(path, how)
        await wheelStore.assertWhole()
        assert.equal(wheelStore.damages[0]?.stage, 'found', how)
        assert.equal((await wheelStore.store.scrub(FAST)).healed, 0, 'nothing is left to heal')
      }
    })
  }

  it('finds no distribution, which is downloaded meanwhile', async (t) => {
    const wheelStore = await (await openWheelStore(t)).reopen()
    const { store, wheel } = wheelStore
    await tamper(await wheelStore.pathOf('wheel'), 'delete')
    assert.equal(await store.findDistribution(wheel.blake3), undefined)
    // Whoever opens a blob waits for what is being healed.
    await until(async () => (await store.findDistribution(wheel.blake3)) !== undefined)
    assert.equal(wheelStore.downloads(), 1)
    await wheelStore.assertWhole()
  })

  it('is broken off where part of it may have been sent, and the next one is right', async (t) => {
    const wheelStore = await openWheelStore(t)
    const { store, wheel } = wheelStore
    const before = await store.findDistribution(wheel.blake3)
    assert.ok(before && (await readBlob(before)).equals(SPAM))
    await tamper(await wheelStore.pathOf('wheel'), 'cut')
    await assert.rejects(readBlob(before), { code: 'ERR_BLOB_DAMAGED' })
    assert.ok((await readBlob(before)).equals(SPAM))
    await wheelStore.assertWhole()
  })

  it('leaves a file alone that is as its name says', async (t) => {
    const wheelStore = await openWheelStore(t)
    const { store, wheel, damages } = wheelStore
    await store.findDistribution(wheel.blake3)
    const many = await Promise.all(Array.from({ length: 20 }, async () => store.findManifest(wheelStore.tree)))
    assert.ok(many.every((manifest) => manifest !== undefined))
    assert.deepEqual(damages, [])
  })

  it('waits for a tree that many ask for at once while it is healed', async (t) => {
    const wheelStore = await (await openWheelStore(t)).reopen()
    const { store, tree } = wheelStore
    await tamper(await wheelStore.pathOf('pack'), 'delete')
    const all = await Promise.all([
      ...Array.from({ length: 10 }, () => store.findManifest(tree)),
      store.scrub(FAST).then(() => store.findManifest(tree)),
    ])
    for (const manifest of all) assert.equal(manifest && hashBlake3(manifest.bytes), tree)
    assert.equal(wheelStore.damages.filter(({ stage }) => stage === 'found').length, 1)
    await wheelStore.assertWhole()
  })

  it('refuses no wheel for what was damaged here', async (t) => {
    const wheelStore = await openWheelStore(t)
    await tamper(await wheelStore.pathOf('wheel'), 'flip')
    await tamper(await wheelStore.pathOf('pack'), 'delete')
    const again = await wheelStore.reopen()
    const { store, wheel } = again
    assert.equal((await store.unpack(wheel.blake3)).kind, 'unpacked')
    await again.assertWhole()
  })
})

const FAST = { bytesPerSecond: undefined, signal: new AbortController().signal }

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve))
}
