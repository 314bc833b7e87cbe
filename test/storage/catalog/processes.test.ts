import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import type { Blake3 } from '../../../storage/digest.ts'
import { openSqliteCatalog } from '../../../storage/catalog/sqlite-catalog.ts'
import { blake3Of, distributionOf, storedPageOf, unpackedOf, WHEEL } from '../../contract/catalog-samples.ts'

const ADD_IN_LOOP = path.join(import.meta.dirname, 'add-in-loop.ts')

async function createPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'arbor-catalog-'))
  t.after(() => rm(folder, { recursive: true }))
  return path.join(folder, 'catalog.sqlite')
}

function startAdding(file: string, name: string, count: number): ChildProcess & { stdout: NodeJS.ReadableStream } {
  const child = spawn(process.execPath, [ADD_IN_LOOP, file, name, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return child
}

test('processes that create one database and write to it at once lose nothing', async (t) => {
  const file = await createPath(t)
  const names = ['a', 'b', 'c', 'd']
  const exits = names.map(async (name) => {
    const child = startAdding(file, name, 25)
    child.stdout.resume()
    return once(child, 'exit')
  })
  assert.deepEqual(
    await Promise.all(exits),
    names.map(() => [0, null]),
  )
  const catalog = await openSqliteCatalog({ path: file })
  t.after(() => catalog.close())
  const { distributions, wheels, trees, packs, pages, blobs } = await catalog.stats()
  assert.deepEqual(
    { distributions, wheels, trees, packs, pages, blobs },
    {
      distributions: 100,
      wheels: { unpacked: 100, refused: 0, pending: 0 },
      trees: 100,
      packs: 100,
      pages: 100,
      blobs: 301,
    },
  )
})

test('a write here waits for a writer in another process without stopping the event loop', async (t) => {
  const file = await createPath(t)
  const one = await openSqliteCatalog({ path: file })
  const other = await openSqliteCatalog({ path: file })
  t.after(() => one.close())
  t.after(() => other.close())
  let waiting: Promise<void> = Promise.resolve()
  let turns = 0
  await one.addDistribution(distributionOf('w'), WHEEL, {
    async adopt() {
      waiting = other.addDistribution(distributionOf('v'), WHEEL)
      for (; turns < 20; turns += 1) await new Promise(setImmediate)
      assert.equal((await other.stats()).distributions, 0, 'nothing is committed yet, and reading does not wait')
    },
  })
  await waiting
  assert.equal((await other.stats()).distributions, 2)
})

test('a prune beside a writing process takes neither what that adds nor a file that has a record', async (t) => {
  const file = await createPath(t)
  const catalog = await openSqliteCatalog({ path: file })
  t.after(() => catalog.close())
  const child = startAdding(file, 'a', 60)
  const exit = once(child, 'exit')
  const released = new Set<Blake3>()
  for await (const line of createInterface({ input: child.stdout })) {
    if (Number(line) % 10 !== 9) continue
    const plan = await catalog.planPrune({ unusedForMs: 4 }, Number(line))
    assert.equal(plan.distributions.length, Number(line) === 9 ? 5 : 10)
    await catalog.executePrune(plan, async (blobs) => {
      for (const blob of blobs) released.add(blob)
    })
  }
  assert.deepEqual(await exit, [0, null])
  for (let number = 55; number < 60; number += 1) {
    for (const name of [`a ${number}`, `slice of a ${number}`, `manifest of a ${number}`, 'shared slice']) {
      const place = await catalog.findPlace(blake3Of(name))
      assert.ok(place !== undefined, name)
      assert.ok(!released.has(place.kind === 'packed' ? place.pack : blake3Of(name)), name)
    }
  }
  const { distributions, storedBytes } = await catalog.stats()
  assert.equal(distributions, 5)
  assert.equal((await catalog.planPrune({ maxBytes: 0 }, 1e6)).freedBytes, storedBytes)
})

test('after a process was killed everything that it was told is committed is there', async (t) => {
  const file = await createPath(t)
  for (const kill of [1, 7, 12, 20, 33]) {
    const name = `killed-after-${kill}`
    const child = startAdding(file, name, 0)
    const exit = once(child, 'exit')
    let acknowledged = 0
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(line)
      if (acknowledged === kill) child.kill('SIGKILL')
    }
    assert.deepEqual(await exit, [null, 'SIGKILL'])
    const catalog = await openSqliteCatalog({ path: file })
    for (let number = 0; number <= acknowledged; number += 1) {
      const wheel = `${name} ${number}`
      const { tree } = unpackedOf(wheel, {})
      const found = await catalog.findDistribution({ algorithm: 'blake3', hex: blake3Of(wheel) })
      assert.deepEqual(found?.unpacking, { kind: 'unpacked', tree: tree.id, record: 'ok' })
      const page = storedPageOf(wheel.replace(' ', '-'))
      assert.deepEqual(await catalog.findPage(page.index, page.project), page)
    }
    // A record with a wrong count would make a plan that differs from what is stored.
    const { storedBytes, blobs, packs } = await catalog.stats()
    const plan = await catalog.planPrune({ maxBytes: 0 }, 1e6)
    assert.deepEqual([plan.freedBytes, plan.blobs, plan.packs], [storedBytes, blobs, packs])
    await catalog.close()
  }
})
