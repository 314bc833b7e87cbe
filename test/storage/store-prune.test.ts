import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { hashBlake3 } from '../../storage/digest.ts'
import { diskIo } from '../../storage/io.ts'
import { createLayout } from '../../storage/layout.ts'
import type { Distribution } from '../../storage/model.ts'
import type { Store } from '../../storage/store.ts'
import { FaultyIo } from '../fault/faulty-io.ts'
import { openStore, put } from '../fault/store-fixture.ts'
import { findFaults } from '../support/sound-store.ts'
import { makeWheel } from '../support/zip-writer.ts'

async function openHere(t: TestContext): Promise<{ readonly folder: string; readonly store: Store }> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-prune-'))
  t.after(() => rm(folder, { recursive: true }))
  return { folder, store: await openStore(folder, new FaultyIo(diskIo)) }
}

/** One with a file of its own and a small one, neither of which another has; and one that all have. */
function someWheel(number: number): Buffer {
  const name = 'faulty'
  const files = {
    'faulty/data.bin': randomBytes(200_000),
    'faulty/number.py': `number = ${number}\n`,
    'faulty/shared.py': 'shared = True\n',
  }
  return makeWheel({ name, version: String(number), files })
}

test('what comes while a prune runs is whole, whatever goes', async (t) => {
  const { folder, store } = await openHere(t)
  const kept: Distribution[] = []
  const ingesting = new AbortController()
  const prune = async (): Promise<number> => {
    let gone = 0
    while (!ingesting.signal.aborted)
      gone += (await store.executePrune(await store.planPrune({ maxBytes: 500_000 }))).distributions
    return gone
  }
  const ingest = async (): Promise<void> => {
    for (let number = 0; number < 12; number += 1) {
      const distribution = await put(store, someWheel(number))
      kept.push(distribution)
      // It may be gone by then.
      await store.unpack(distribution.blake3).catch(() => {})
    }
  }
  const pruning = prune()
  await Promise.all([ingest(), ingest()])
  ingesting.abort()
  assert.ok((await pruning) > 0)
  assert.equal(kept.length, 24)
  await store.executePrune(await store.planPrune({}))
  await store.close()
  assert.deepEqual(await findFaults(folder, { isSwept: true }), [])
})

test('who reads a file that is pruned meanwhile reads it to its end', async (t) => {
  const { folder, store } = await openHere(t)
  const bytes = someWheel(1)
  const { blake3 } = await put(store, bytes)
  const found = await store.findDistribution(blake3)
  assert.ok(found)
  const chunks: Uint8Array[] = []
  for await (const chunk of await found.open(0, found.size - 1, new AbortController().signal)) {
    if (chunks.length === 0) {
      const { distributions } = await store.executePrune(await store.planPrune({ maxBytes: 0 }))
      assert.equal(distributions, 1)
    }
    chunks.push(Uint8Array.from(chunk))
  }
  assert.equal(hashBlake3(Buffer.concat(chunks)), blake3)
  assert.equal(await store.findDistribution(blake3), undefined)
  await store.close()
  assert.deepEqual(await findFaults(folder, { isSwept: true }), [])
})

test('a prune tells how far it is, can be ended early, and is remembered', async (t) => {
  const { folder, store } = await openHere(t)
  await put(store, someWheel(1))
  const orphan = createLayout(folder).blob(hashBlake3(Buffer.of(1)))
  await mkdir(dirname(orphan), { recursive: true })
  await writeFile(orphan, Buffer.of(1))
  const plan = await store.planPrune({ maxBytes: 0 })
  const told: number[] = []
  const ending = new AbortController()
  ending.abort()
  const onProgress = ({ distributions }: { readonly distributions: number }): void => void told.push(distributions)
  const outcome = await store.executePrune(plan, { signal: ending.signal, onProgress })
  assert.deepEqual(told, [outcome.distributions])
  assert.deepEqual((await store.catalog.findRuns()).prune?.outcome, outcome)
  await access(orphan)
  await store.executePrune(await store.planPrune({}))
  await assert.rejects(access(orphan), { code: 'ENOENT' })
  await store.close()
})
