import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLayout } from '../../storage/layout.ts'
import type { Distribution } from '../../storage/model.ts'
import type { Store } from '../../storage/store.ts'
import { makeWheel } from '../support/zip-writer.ts'
import { type Errno, type Fault, walkFaults } from './faulty-io.ts'
import { makeEmpty, makeTemplate, put, type Run, runOnStore, runStart } from './store-fixture.ts'

/** What differs in which steps it strikes; a quota (EDQUOT) strikes where a full disk does. `ARBOR_LONG=1`: all, once and for good. */
const isLong = process.env['ARBOR_LONG'] === '1'
const ERRNOS: readonly Errno[] = ['ENOSPC', 'EIO', 'EMFILE', 'EROFS', ...(isLong ? (['EDQUOT'] as const) : [])]
const LASTING: readonly Errno[] = isLong ? ERRNOS : ['ENOSPC', 'EIO']

/** A pack, and a file of its own that both share. */
const files = { 'a.py': 'a', 'b.py': 'b', 'shared.so': randomBytes(70_000) }
const wheel = makeWheel({ name: 'faulty', version: '1', files })
const other = makeWheel({ name: 'faulty', version: '2', files: { ...files, 'c.py': 'c' } })

/** Each step of an operation fails in turn, in each way, once and from then on; says how many steps it has. */
async function walk(run: (fault: Fault) => Promise<Run>): Promise<number> {
  const { steps: most, immunities } = await run({ step: Infinity, errno: 'EIO' })
  const runNamed = (fault: Fault): Promise<Run> =>
    run(fault).catch((cause: unknown) => {
      const since = fault.isLasting === true ? ' and from then on' : ''
      throw new Error(`${fault.errno} at step ${fault.step}${since}: ${String(cause)}`, { cause })
    })
  await walkFaults(ERRNOS, runNamed, { lasting: LASTING, ...(!isLong && { immunities }) })
  return most
}

async function putAndUnpack(store: Store, bytes: Buffer): Promise<Distribution> {
  const distribution = await put(store, bytes)
  assert.equal((await store.unpack(distribution.blake3)).kind, 'unpacked')
  return distribution
}

test('a distribution is stored whole or not at all, whatever step fails', async () => {
  await using template = await makeTemplate(() => Promise.resolve())
  const steps = await walk((fault) =>
    runOnStore(fault, template.folder, async (store) => {
      const { blake3 } = await put(store, wheel)
      assert.ok((await store.findBlob(blake3)) !== undefined)
    }),
  )
  assert.ok(steps > 8, `${steps} steps`)
})

test('a tree is stored whole or not at all, whatever step fails', async () => {
  let stored: Distribution | undefined
  await using template = await makeTemplate(async (store) => {
    await putAndUnpack(store, other)
    stored = await put(store, wheel)
  })
  const steps = await walk((fault) =>
    runOnStore(fault, template.folder, async (store) => {
      assert.ok(stored)
      const outcome = await store.unpack(stored.blake3)
      assert.ok(outcome.kind === 'unpacked')
      assert.ok((await store.findManifest(outcome.tree)) !== undefined)
      await store.awaitSynced()
    }),
  )
  assert.ok(steps > 20, `${steps} steps`)
})

test('a prune takes records before files, and what it leaves the next one takes, whatever step fails', async () => {
  await using template = await makeTemplate(async (store) => {
    await putAndUnpack(store, wheel)
    await putAndUnpack(store, other)
  })
  const steps = await walk((fault) =>
    runOnStore(fault, template.folder, async (store) => {
      await store.executePrune(await store.planPrune({ unusedForMs: -1 }))
      assert.equal((await store.stats()).storedBytes, 0)
    }),
  )
  assert.ok(steps > 8, `${steps} steps`)
})

test('a start sweeps what a killed process left, or fails and leaves it to the next, whatever step fails', async () => {
  let stored: Distribution | undefined
  await using template = await makeTemplate(async (store) => {
    stored = await putAndUnpack(store, wheel)
  })
  const layout = createLayout(template.folder)
  const dead = crypto.randomUUID()
  await mkdir(layout.stagingFolder(dead), { recursive: true })
  await writeFile(layout.stagingLock(dead), '')
  await writeFile(join(layout.stagingFolder(dead), '1'), 'half of some')
  const steps = await walk((fault) =>
    runStart(fault, template.folder, async (store) => {
      assert.ok(stored && (await store.findBlob(stored.blake3)) !== undefined)
    }),
  )
  assert.ok(steps > 15, `${steps} steps`)
})

test('a data folder is made whole, or made whole by the next start, whatever step fails', async () => {
  await using empty = await makeEmpty()
  const steps = await walk((fault) => runStart(fault, empty.folder, (store) => store.stats()))
  assert.ok(steps > 30, `${steps} steps`)
})
