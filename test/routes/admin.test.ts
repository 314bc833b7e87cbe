import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import request, { type Test } from 'supertest'
import { parsePruneRequest } from '../../routes/admin/prune-request.ts'
import { findVersion } from '../../storage/versions.ts'
import { hashBlake3, hashSha256 } from '../../storage/digest.ts'
import { parseProjectName } from '../../storage/names.ts'
import { keptContent, someBytes } from '../support/memory-content.ts'
import { ADMIN_TOKEN, serveMemory } from '../support/routes-fixture.ts'

const withToken = (asked: Test): Test => asked.set('Authorization', `Bearer ${ADMIN_TOKEN}`)

describe('the admin token', () => {
  for (const header of [
    undefined,
    '',
    ADMIN_TOKEN,
    `Basic ${ADMIN_TOKEN}`,
    'Bearer',
    'Bearer wrong',
    `Bearer ${ADMIN_TOKEN}x`,
    `Bearer ${ADMIN_TOKEN} x`,
  ]) {
    test(`G8: is not ${JSON.stringify(header)}: 401`, async () => {
      await using served = await serveMemory()
      for (const asked of [request(served.server).get('/admin/stats'), request(served.server).post('/admin/prune')]) {
        if (header !== undefined) asked.set('Authorization', header)
        await asked.expect(401).expect('WWW-Authenticate', /^Bearer realm="arbor"/)
      }
      assert.deepEqual(served.repository.budgets, [])
    })
  }

  test('opens, in any case of the scheme', async () => {
    await using served = await serveMemory()
    await request(served.server).get('/admin/stats').set('Authorization', `bearer ${ADMIN_TOKEN}`).expect(200)
  })

  test('that is not set lets nobody in', async () => {
    await using served = await serveMemory({ adminToken: undefined })
    await request(served.server).get('/admin/stats').set('Authorization', 'Bearer undefined').expect(401)
    await request(served.server).get('/admin/stats').expect(401)
  })
})

test('GET /admin/stats is what the repository says, for nobody else to keep or read', async () => {
  await using served = await serveMemory()
  const { store, downloads, ...expected } = await served.repository.stats()
  const { headers, body } = await withToken(request(served.server).get('/admin/stats'))
    .expect(200)
    .expect('Cache-Control', 'no-store')
  const told = body as Record<string, unknown>
  for (const [key, value] of Object.entries(expected)) assert.deepEqual(told[key], value, key)
  assert.deepEqual(told['store'], { ...store, dedupeRatio: 1 })
  const spool = { index: 'main', project: 'a', filename: 'a-1.0.tar.gz', received: 10 }
  assert.deepEqual(told['downloads'], { ...downloads, spools: [spool] })
  const sum = { index: 'main', hits: 3, misses: 1, bytesFromUpstream: 100, bytesServed: 400, bytesSaved: 300 }
  assert.deepEqual(told['traffic'], { days: 7, indexes: [sum] })
  assert.deepEqual(Object.keys(told['last'] as object), ['scrub'])
  assert.equal(headers['access-control-allow-origin'], undefined)
})

test('what content that is stored once saves is told without what packs hold in vain', async () => {
  await using served = await serveMemory()
  const stats = await served.repository.stats()
  const store = { ...stats.store, logicalBytes: 300, uniqueBytes: 200, storedBytes: 400, slackBytes: 200 }
  served.repository.stats = () => Promise.resolve({ ...stats, store })
  const { body } = await withToken(request(served.server).get('/admin/stats')).expect(200)
  assert.equal((body as { store: { dedupeRatio: number } }).store.dedupeRatio, 1.5)
})

describe('GET /admin/stats/traffic', () => {
  test('is summed up as asked', async () => {
    await using served = await serveMemory()
    const traffic = (query: string): Test => withToken(request(served.server).get(`/admin/stats/traffic${query}`))
    const { body } = await traffic('?by=project&since=2026-01-02&limit=7').expect(200)
    await traffic('').expect(200)
    await traffic('?since=2028-02-29').expect(200)
    assert.deepEqual(served.repository.admin.asked, [
      { by: 'project', since: 20_455, limit: 7 },
      { by: 'day', since: 0, limit: 100 },
      { by: 'day', since: 21_243, limit: 100 },
    ])
    assert.equal((body as { since: string }).since, '2026-01-02')
    assert.equal((body as { traffic: { day: string }[] }).traffic[0]?.day, '2026-01-02')
  })

  for (const query of [
    'by=hour',
    'since=yesterday',
    'since=2026-13-01',
    'since=2026-02-30',
    'since=2026',
    'limit=0',
    'limit=x',
    'limit=99999',
  ]) {
    test(`is not for ${query}`, async () => {
      await using served = await serveMemory()
      await withToken(request(served.server).get(`/admin/stats/traffic?${query}`)).expect(400)
    })
  }
})

describe('POST /admin/prune', () => {
  for (const count of [0, 1, 250, 251, 600]) {
    test(`a plan of ${count} distributions is told in full`, async (t) => {
      await using served = await serveMemory()
      const one = { ...(await served.repository.planPrune({})), storedBytes: 7 }
      const distributions = Array.from({ length: count }, (_, number) => ({
        blake3: hashBlake3(Buffer.from(`${number}`)),
        sha256: hashSha256(Buffer.from(`${number}`)),
        size: number,
        sightings: [],
        usedAt: number,
        reason: 'size' as const,
        freedBytes: number,
      }))
      t.mock.method(served.repository, 'planPrune', async () => ({ ...one, distributions }))
      const { body } = await withToken(request(served.server).post('/admin/prune')).send({ dryRun: false }).expect(200)
      const { plan, outcome } = body as { plan: { distributions: object[]; storedBytes: number }; outcome: object }
      assert.deepEqual(
        plan.distributions.map((each) => ('blake3' in each ? each.blake3 : undefined)),
        distributions.map(({ blake3 }) => `blake3:${blake3}`),
      )
      assert.equal(plan.storedBytes, 7)
      assert.ok('freedBytes' in outcome)
    })
  }

  test('a long plan is written in turns with others', async (t) => {
    await using served = await serveMemory()
    served.repository.addFile('a-1.0.tar.gz', keptContent(someBytes(100)))
    const { distributions, ...rest } = await served.repository.planPrune({})
    let turn = 0
    const turns = new Set<number>()
    const counting = setInterval(() => (turn += 1), 0)
    t.after(() => clearInterval(counting))
    const long = {
      length: 1000,
      at: () => distributions.at(0),
      *[Symbol.iterator]() {
        for (let count = 0; count < this.length; count += 1) {
          for (const end = performance.now() + 0.05; performance.now() < end;);
          turns.add(turn)
          yield* distributions
        }
      },
    }
    t.mock.method(served.repository, 'planPrune', async () => ({ ...rest, distributions: long }))
    await withToken(request(served.server).post('/admin/prune')).send({}).expect(200)
    assert.ok(turns.size > 2, `${turns.size} turns`)
  })

  const wheel = keptContent(someBytes(100))
  const planned = {
    project: 'a-b',
    version: '1.0',
    filename: 'a_b-1.0-py3-none-any.whl',
    size: 100,
    reason: 'size',
    freedBytes: 100,
    usedAt: '1970-01-01T00:00:00.000Z',
    sha256: `sha256:${wheel.sha256}`,
    blake3: `blake3:${wheel.blake3}`,
    seen: [{ index: 'main', project: 'a-b', filename: 'a_b-1.0-py3-none-any.whl' }],
  }
  const plan = { distributions: [planned], pinned: 0, trees: 0, blobs: 0, packs: 0, storedBytes: 100, freedBytes: 100 }

  for (const body of ['', '{}', '{"dryRun":true}']) {
    test(`${JSON.stringify(body)} only says what it would do`, async () => {
      await using served = await serveMemory()
      served.repository.addFile(planned.filename, wheel)
      await withToken(request(served.server).post('/admin/prune')).send(body).expect(200, { dryRun: true, plan })
      assert.deepEqual(served.repository.executed, [])
    })
  }

  test('with "dryRun": false does it, within the budget, and says what it did', async () => {
    await using served = await serveMemory()
    served.repository.addFile(planned.filename, wheel)
    const outcome = { distributions: 1, trees: 0, blobs: 0, packs: 0, freedBytes: 100 }
    await withToken(request(served.server).post('/admin/prune'))
      .send({ dryRun: false, maxBytes: '50GiB', unusedFor: '30d' })
      .expect(200, { dryRun: false, plan, outcome })
    const { maxBytes, unusedForMs } = served.repository.budgets[0]!
    assert.deepEqual([maxBytes, unusedForMs], [50 * 2 ** 30, 30 * 86_400_000])
    assert.equal(served.repository.executed.length, 1)
  })

  for (const body of [
    '{',
    '[]',
    'null',
    '{"dryrun":false}',
    '{"dryRun":"false"}',
    '{"maxBytes":-1}',
    '{"maxBytes":1.5}',
    '{"maxBytes":null}',
    '{"maxBytes":"50"}',
    '{"unusedFor":30}',
    '{"unusedFor":"30 years"}',
    '{"maxFiles":"7"}',
    '{"minFree":"much"}',
    '{"only":{}}',
    '{"only":"spam"}',
    '{"only":{"project":7}}',
    '{"only":{"project":"../.."}}',
    '{"only":{"sha256":"abc"}}',
    '{"only":{"version":"1.0"}}',
  ]) {
    test(`${body} is 400, and nothing is done`, async () => {
      await using served = await serveMemory()
      await withToken(request(served.server).post('/admin/prune'))
        .send(body)
        .expect(400)
        .expect('Content-Type', 'application/problem+json')
      assert.deepEqual(served.repository.budgets, [])
    })
  }

  test('with a body beyond all sense is 413', async () => {
    await using served = await serveMemory()
    await withToken(request(served.server).post('/admin/prune')).send(' '.repeat(70_000)).expect(413)
  })
})

test('a budget of every kind, in plain bytes too', () => {
  const sha256 = 'a'.repeat(64)
  const only = { index: 'pypi', project: 'Spam_Eggs', sha256: `sha256:${sha256}` }
  assert.deepEqual(parsePruneRequest(JSON.stringify({ maxBytes: 0, maxFiles: 7, minFree: '5GiB', only })), {
    dryRun: true,
    budget: {
      maxBytes: 0,
      maxFiles: 7,
      unusedForMs: undefined,
      keepFreeBytes: 5 * 2 ** 30,
      only: { index: 'pypi', project: 'spam-eggs', sha256 },
    },
  })
})

for (const [filename, project, version] of [
  ['a_b-1.0-py3-none-any.whl', 'a-b', '1.0'],
  ['a-b-1.0.post1.tar.gz', 'a-b', '1.0.post1'],
  ['A.B-1.0-2.zip', 'a-b', '1.0-2'],
  ['a-b.tar.gz', 'a-b', undefined],
  ['a-b.json', 'a-b', undefined],
  ['other-1.0.tar.gz', 'a-b', undefined],
] as const) {
  test(`the version in ${filename} is ${version}`, () => {
    assert.equal(findVersion(filename, parseProjectName(project)), version)
  })
}
