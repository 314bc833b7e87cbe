import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lookUpProject } from '../../server/lookup.ts'
import { hashBlake3, hashSha256 } from '../../storage/digest.ts'
import { createTree } from '../../storage/manifest.ts'
import { parseFilename, parseIndexName, parseProjectName } from '../../storage/names.ts'
import type { Store } from '../../storage/store.ts'

test('of a project with many wheels one manifest is looked at after the other, since each may be large', async () => {
  const index = parseIndexName('main')
  const project = parseProjectName('demo')
  const { tree } = createTree([], [])
  const records = Array.from({ length: 20 }, (_, number) => {
    const bytes = Buffer.from(String(number))
    const filename = parseFilename(`demo-${number}-py3-none-any.whl`)
    return {
      sha256: hashSha256(bytes),
      blake3: hashBlake3(bytes),
      size: bytes.length,
      storedAt: 0,
      sightings: [{ index, project, filename }],
      unpacking: { kind: 'unpacked', tree: tree.id, record: 'ok' },
    }
  })
  let open = 0
  let most = 0
  const store = {
    catalog: {
      findDistributionsOf: () => Promise.resolve(records),
      findTree: () => Promise.resolve({ id: tree.id, dirhash: tree.dirhash, archiveId: '' }),
    },
    async findManifest() {
      open += 1
      most = Math.max(most, open)
      await new Promise((resolve) => void setImmediate(resolve))
      open -= 1
      return { tree }
    },
  }
  const wheels = await lookUpProject(store as unknown as Store, index, project)
  assert.deepEqual(
    wheels.map(({ sha256 }) => sha256),
    records.map(({ sha256 }) => sha256),
  )
  assert.equal(most, 1)
})
