import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Blake3 } from '../../storage/digest.ts'
import { diskIo } from '../../storage/io.ts'
import { createLayout } from '../../storage/layout.ts'
import { FaultyIo } from '../fault/faulty-io.ts'
import { openStore, put } from '../fault/store-fixture.ts'
import { makeWheel } from '../support/zip-writer.ts'

test('wheels that a crash left are unpacked, also those behind one that is gone', { timeout: 30_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-resume-'))
  t.after(() => rm(folder, { recursive: true }))
  const before = await openStore(folder, new FaultyIo(diskIo))
  const wheels: Blake3[] = []
  for (const version of ['1', '2', '3']) wheels.push((await put(before, makeWheel({ name: 'faulty', version }))).blake3)
  await before.close()
  const [gone = '' as Blake3, ...others] = wheels
  await rm(createLayout(folder).blob(gone))

  const tasks: string[] = []
  const onError = (_error: unknown, task: string): void => void tasks.push(task)
  const store = await openStore(folder, new FaultyIo(diskIo), { onError })
  const outcomeOf = async (hex: Blake3): Promise<string | undefined> =>
    (await store.catalog.findDistribution({ algorithm: 'blake3', hex }))?.unpacking?.kind
  await store.resume()
  for (const wheel of others) while ((await outcomeOf(wheel)) !== 'unpacked') await delay(5, undefined, t)
  await store.close()
  assert.deepEqual(tasks, [`unpacking ${gone}`])
})
