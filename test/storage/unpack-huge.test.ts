import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { constants, crc32, deflateRawSync } from 'node:zlib'
import { createUnpacker } from '../../storage/unpacker.ts'
import { zip64Extra } from '../support/zip-extra.ts'
import { writeZip } from '../support/zip-writer.ts'

const MIB = 1024 * 1024
const SIZE = 4096 * MIB + 5

/** Half a minute, and as much disk as the file has. */
const skip = process.env['HUGE'] === '1' ? false : 'HUGE=1 unpacks a file of 4 GiB'

test('a member of more than 4 GiB is unpacked in little memory', { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-huge-'))
  const unpacker = createUnpacker({
    stage: () => join(folder, 'staged'),
    findStored: async () => new Set(),
    limits: { maxRatio: Infinity },
  })
  t.after(async () => {
    await unpacker.close()
    await rm(folder, { recursive: true })
  })
  const wheel = join(folder, 'wheel')
  await writeFile(wheel, hugeZip())
  const before = process.memoryUsage().rss
  const { staged, unpacked } = await unpacker.unpack(wheel)
  assert.equal(unpacked.tree.size, SIZE)
  const [, place] = unpacked.placed.find(([, { size }]) => size === SIZE) ?? []
  assert.deepEqual(place, { kind: 'file', size: SIZE })
  assert.ok((await Promise.all(staged.map(({ path }) => stat(path)))).some(({ size }) => size === SIZE))
  const grown = process.resourceUsage().maxRSS * 1024 - before
  assert.ok(grown < 300 * MIB, `${Math.round(grown / MIB)} MiB`)
})

/** A zip of one member that is a deflated run of zeros. */
function hugeZip(): Buffer {
  const block = Buffer.alloc(8 * MIB)
  const rest = Buffer.alloc(SIZE % block.length)
  const piece = deflateRawSync(block, { finishFlush: constants.Z_FULL_FLUSH })
  const count = Math.floor(SIZE / block.length)
  let checksum = 0
  for (let done = 0; done < count; done += 1) checksum = crc32(block, checksum)
  const compressed = Buffer.concat([...Array.from({ length: count }, () => piece), deflateRawSync(rest)])
  const sentinels = { size: 0xffffffff, compressedSize: 0xffffffff, crc32: crc32(rest, checksum), versionNeeded: 45 }
  const fields = { ...sentinels, extra: zip64Extra([SIZE, compressed.length]) }
  return writeZip([{ name: 'huge', compressed, local: fields, central: fields }])
}
