import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Parts } from '../../../server/downloads/parts.ts'
import { openLog } from '../../../server/log.ts'
import { createMetrics } from '../../../server/metrics.ts'
import { Upstream } from '../../../server/upstream.ts'
import { sightingOf } from '../../contract/catalog-samples.ts'
import { startUpstream } from '../../support/upstream.ts'
import { distributionOf } from '../../support/upstream/distribution.ts'

const PART = 4 << 20
const filename = 'big-1.0.tar.gz'

test('parts take no more than 64 MiB of memory, until their clients have read or left them', async (t) => {
  const bytes = Buffer.alloc(PART, 'part')
  const upstream = await startUpstream({ distributions: [await distributionOf(filename, bytes)] })
  t.after(() => upstream[Symbol.asyncDispose]())
  const client = new Upstream({
    connectTimeoutMs: 1000,
    headersTimeoutMs: 1000,
    idleTimeoutMs: 1000,
    pageMaxBytes: 1,
    pageTimeoutMs: 1000,
    userAgent: 'arbor-test',
  })
  t.after(() => client.close())
  const parts = new Parts({
    upstream: client,
    log: openLog('debug', { write: () => {} }),
    metrics: createMetrics(),
    signal: new AbortController().signal,
  })
  const { origin } = new URL(upstream.url)
  const target = { url: `${origin}/packages/${filename}`, redirectHosts: 'any' as const, credentialsFor: origin }
  const open = (last = PART - 1) =>
    parts.open({ target, version: undefined, sighting: sightingOf(filename) }, { first: 0, last }, PART)

  const held = await Promise.all(Array.from({ length: 16 }, () => open()))
  assert.ok(held.every((part) => part !== undefined))
  assert.equal(await open(0), undefined)
  await held[0]?.[Symbol.asyncIterator]().return?.()
  for await (const chunk of held[1] ?? []) assert.equal(chunk.length, PART)
  const again = [await open(), await open()]
  assert.ok(again.every((part) => part !== undefined))
  assert.equal(await open(0), undefined)
  assert.equal(upstream.requests.length, 1, 'they share their bytes')

  upstream.quirks.fileStatus = 404
  for (const part of [...held.slice(2), ...again]) await part?.[Symbol.asyncIterator]().return?.()
  for (let at = 0; at < 40; at += 1) assert.equal(await open(PART - 2 - at), undefined)
  upstream.quirks.fileStatus = undefined
  assert.ok(await open(PART - 2), 'what failed holds nothing')
})
