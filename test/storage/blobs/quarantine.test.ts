import assert from 'node:assert/strict'
import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { sweepQuarantine } from '../../../storage/blobs/quarantine.ts'
import { diskIo } from '../../../storage/io.ts'
import { createDiskFixture } from './disk-fixture.ts'

const GIB = 1 << 30
const now = Date.UTC(2026, 10, 23, 9, 5)

/** Makes sparse files of these sizes, and tells which a sweep leaves. */
async function sweep(sizes: Readonly<Record<string, number>>): Promise<string[]> {
  const fixture = await createDiskFixture()
  const { layout } = fixture
  try {
    await mkdir(layout.quarantine)
    for (const [name, size] of Object.entries(sizes)) {
      await writeFile(layout.quarantined(name), '')
      await truncate(layout.quarantined(name), size)
    }
    await sweepQuarantine(diskIo, layout, now)
    return (await readdir(layout.quarantine)).toSorted()
  } finally {
    await fixture.remove()
  }
}

test('what is in quarantine goes after thirty days', async () => {
  const left = await sweep({ '20261024T090459Z-a': 1, '20261024T090500Z-b': 1, '20261123T090500Z-c': 1 })
  assert.deepEqual(left, ['20261024T090500Z-b', '20261123T090500Z-c'])
})

test('the oldest goes where it is more than a gibibyte, and the newest stays', async () => {
  const names = ['20261121T000000Z-a', '20261122T000000Z-b', '20261123T000000Z-c']
  const [a = '', b = '', c = ''] = names
  assert.deepEqual(await sweep({ [a]: GIB / 2, [b]: GIB / 2, [c]: GIB / 2 }), [b, c])
  assert.deepEqual(await sweep({ [a]: 1, [b]: 1, [c]: 2 * GIB }), [c])
})

test('what somebody else has in a folder of that name stays', async () => {
  assert.deepEqual(await sweep({ '2020-notes.txt': 1, '20261123T090500Z-c': 1 }), [
    '2020-notes.txt',
    '20261123T090500Z-c',
  ])
})

test('where nothing was put aside there is nothing to sweep', async () => {
  const fixture = await createDiskFixture()
  await sweepQuarantine(diskIo, fixture.layout, now)
  await fixture.remove()
})
