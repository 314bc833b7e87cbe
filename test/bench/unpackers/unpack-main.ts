import { join } from 'node:path'
import { createUnpacker } from '../../../storage/unpacker.ts'

/** Unpacks a wheel twice, first to warm up, and prints the seconds of the second time. Arguments: the wheel, and a folder for what it becomes. */
const [wheel = '', folder = ''] = process.argv.slice(2)
let count = 0
const unpacker = createUnpacker({
  stage: () => join(folder, `staged-${(count += 1)}`),
  findStored: async () => new Set(),
  limits: { maxRatio: Infinity },
})
await unpacker.unpack(wheel)
const started = performance.now()
await unpacker.unpack(wheel)
process.stdout.write(String((performance.now() - started) / 1000))
await unpacker.close()
