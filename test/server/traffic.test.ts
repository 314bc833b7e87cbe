import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Traffic } from '../../server/traffic.ts'
import { hashSha256 } from '../../storage/digest.ts'
import { parseFilename, parseIndexName, parseProjectName } from '../../storage/names.ts'
import { openProxy, openUpstream, pageOf, statusOf } from '../contract/protocol/proxy.ts'
import { administer } from '../support/admin.ts'
import type { InProcessArbor } from '../support/in-process.ts'
import { makeWheel, wheelFilename } from '../support/zip-writer.ts'

const recipe = { name: 'demo', version: '1.0' }
const size = makeWheel(recipe).length

interface Sum {
  readonly day?: string
  readonly project?: string
  readonly hits: number
  readonly misses: number
  readonly bytesFromUpstream: number
  readonly bytesServed: number
  readonly bytesSaved: number
}

async function trafficOf(arbor: InProcessArbor, query = ''): Promise<Sum[]> {
  const response = await administer(arbor, 'GET', `stats/traffic${query}`)
  assert.equal(response.status, 200)
  return ((await response.json()) as { traffic: Sum[] }).traffic
}

test('days are counted apart, and what was taken is not counted again', () => {
  let now = Date.UTC(2026, 0, 1, 23, 59)
  const traffic = new Traffic(() => now)
  const [index, project, filename] = [
    parseIndexName('main'),
    parseProjectName('demo'),
    parseFilename('demo-1.0.tar.gz'),
  ]
  const count = traffic.meter({ index, sha256: undefined, filename })
  count(100, 'upstream')
  count(10, 'store')
  now += 120_000
  count(7, 'store')
  traffic.note(index, project, { hits: 1 })
  const day = Date.UTC(2026, 0, 1) / 86_400_000
  const sum = { hits: 3, misses: 1, bytesFromUpstream: 0, bytesServed: 117, bytesSaved: 17 }
  const idle = { hits: 0, misses: 0, bytesFromUpstream: 0, bytesServed: 0, bytesSaved: 0 }
  const indexes = [index, parseIndexName('idle')]
  assert.deepEqual([...traffic.sumsOf(indexes).values()], [sum, idle])
  assert.deepEqual(traffic.take(), [
    { day, index, project, hits: 1, misses: 1, bytesFromUpstream: 0, bytesServed: 110, bytesSaved: 10 },
    { day: day + 1, index, project, hits: 2, misses: 0, bytesFromUpstream: 0, bytesServed: 7, bytesSaved: 7 },
  ])
  assert.equal(traffic.bytesSaved, 17)
  assert.deepEqual(traffic.take(), [])
  count(1, 'store')
  const { bytesServed, bytesSaved, hits } = traffic.sumsOf(indexes).get(index) ?? idle
  assert.deepEqual([bytesServed, bytesSaved, hits], [118, 18, 4])
})

test('hits, misses and bytes are told by day, index and project, and kept over a restart', async (t) => {
  const upstream = await openUpstream(t, [recipe])
  const arbor = await openProxy(t, { main: upstream })
  const { files } = await pageOf(arbor, '/simple/demo/')
  const url = files.find(({ filename }) => filename === wheelFilename(recipe))?.url ?? assert.fail('not listed')
  const get = async (headers: Record<string, string> = {}): Promise<void> =>
    void (await (await fetch(url, { headers })).arrayBuffer())
  await get()
  await statusOf(arbor, `/lookup/sha256:${hashSha256(makeWheel(recipe))}`)
  const [cold] = await trafficOf(arbor, '?by=project')
  assert.deepEqual(
    [cold?.project, cold?.bytesFromUpstream, cold?.bytesServed, cold?.bytesSaved],
    ['demo', size, size, 0],
  )
  await get()
  await get({ range: 'bytes=0-9' })
  await fetch(url, { method: 'HEAD' })
  await get({ 'if-none-match': '*' })
  const [warm] = await trafficOf(arbor, '?by=project')
  assert.deepEqual([warm?.bytesServed, warm?.bytesSaved, warm?.bytesFromUpstream], [2 * size + 10, size + 10, size])
  assert.equal(warm?.hits, (cold?.hits ?? 0) + 2)
  assert.equal(warm.misses, cold?.misses)
  const [today] = await trafficOf(arbor)
  assert.match(today?.day ?? '', /^\d{4}-\d\d-\d\d$/)
  assert.equal(today?.bytesServed, 2 * size + 10)
  assert.deepEqual(await trafficOf(arbor, '?since=2999-01-01'), [])
  const stats = await arbor.stats()
  assert.equal(stats['bytes']?.['saved'], size + 10)
  const { largest } = stats['projects'] as { largest: { project: string; bytes: number }[] }
  assert.deepEqual([largest[0]?.project, largest[0]?.bytes], ['demo', size])
})

test('names that people make up are not counted: they would fill the catalog', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, [recipe]) })
  for (let count = 0; count < 5; count += 1) assert.equal(await statusOf(arbor, `/simple/nobody-${count}/`), 404)
  assert.deepEqual(await trafficOf(arbor), [])
})
