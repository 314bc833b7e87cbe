/**
 * A process that adds wheels with trees to a catalog, and prints the number of each as soon as it is acknowledged.
 * Arguments: path, a name that makes its wheels its own, how many (0: until it is killed).
 */
import { openSqliteCatalog } from '../../../storage/catalog/sqlite-catalog.ts'
import { WHEEL, blake3Of, distributionOf, storedPageOf, unpackedOf } from '../../contract/catalog-samples.ts'

const [path = '', name = '', count = '0'] = process.argv.slice(2)
const catalog = await openSqliteCatalog({ path })
const end = count === '0' ? Infinity : Number(count)
for (let number = 0; number < end; number += 1) {
  const wheel = `${name} ${number}`
  await catalog.addDistribution(distributionOf(wheel, { storedAt: number }), WHEEL)
  await catalog.addTree(
    blake3Of(wheel),
    unpackedOf(wheel, { slices: { [`slice of ${wheel}`]: 10, 'shared slice': 20 } }),
  )
  await catalog.savePage(storedPageOf(wheel.replace(' ', '-')))
  await catalog.recordUse(new Map([[blake3Of(wheel), number]]))
  process.stdout.write(`${number}\n`)
}
await catalog.close()
