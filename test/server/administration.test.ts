import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Config } from '../../server/config.ts'
import type { Forgotten, Refreshed } from '../../routes/administration.ts'
import { type AdministrationParts, createAdministration } from '../../server/administration.ts'
import { Jobs } from '../../server/jobs.ts'
import { openLog } from '../../server/log.ts'
import type { PrunePlan } from '../../storage/catalog/catalog.ts'
import { hashSha256 } from '../../storage/digest.ts'
import { parseIndexName } from '../../storage/names.ts'
import { openProxy, openUpstream, pageOf, pagesAsked, statusOf, wheelOf } from '../contract/protocol/proxy.ts'
import { administer, endOf, startJob } from '../support/admin.ts'
import type { InProcessArbor } from '../support/in-process.ts'
import { makeWheel, wheelFilename } from '../support/zip-writer.ts'

const one = { name: 'demo', version: '1.0' }
const two = { name: 'demo', version: '2.0' }
const other = { name: 'other', version: '1.0' }
const digest = (recipe: typeof one): string => `sha256:${hashSha256(makeWheel(recipe))}`
const ALL = [one, two, other].map(({ name, version }) => `${name}==${version}`).join('\n')

function scrubbedSlowly(config: Config): Config {
  return { ...config, storage: { ...config.storage, scrubBytesPerSecond: 1 } }
}

function withVirtual(config: Config): Config {
  const virtual = { name: parseIndexName('all'), default: false, indexes: [parseIndexName('main')], pins: new Map() }
  return { ...config, virtuals: [virtual] }
}

async function ask<Answer>(arbor: InProcessArbor, method: string, path: string, body?: object): Promise<Answer> {
  const response = await administer(arbor, method, path, body === undefined ? {} : { body })
  const text = await response.text()
  assert.ok(response.ok, text)
  return (text === '' ? undefined : JSON.parse(text)) as Answer
}

test('a page is asked for again when somebody says so, and what changed is told', async (t) => {
  const upstream = await openUpstream(t, [one], { conditionalPages: true })
  const arbor = await openProxy(t, { main: upstream })
  const refresh = async (project = 'Demo'): Promise<Refreshed[]> =>
    (await ask<{ pages: Refreshed[] }>(arbor, 'POST', 'refresh', { project })).pages
  const page = { index: 'main', project: 'demo' }
  const [v1, v2] = [one, two].map(wheelFilename)
  assert.deepEqual(await refresh(), [{ ...page, state: 'new', files: 1, added: [v1], removed: [] }])
  assert.deepEqual(await refresh(), [{ ...page, state: 'unchanged', files: 1, added: [], removed: [] }])
  upstream.distributions.set(v2!, await wheelOf(two))
  upstream.distributions.delete(v1!)
  assert.equal(await statusOf(arbor, '/simple/demo/'), 200)
  assert.equal(pagesAsked(upstream, 'demo'), 2)
  assert.deepEqual(await refresh(), [{ ...page, state: 'changed', files: 1, added: [v2], removed: [v1] }])
  assert.equal(pagesAsked(upstream, 'demo'), 3)
  upstream.distributions.clear()
  assert.deepEqual(await refresh(), [{ ...page, state: 'gone', files: 0, added: [], removed: [v2] }])
  assert.equal(await statusOf(arbor, '/simple/demo/'), 404)
  assert.deepEqual(await refresh('nobody'), [
    { ...page, project: 'nobody', state: 'absent', files: 0, added: [], removed: [] },
  ])
})

test('a refresh that upstream does not answer fails, and the page stays', async (t) => {
  const upstream = await openUpstream(t, [one])
  const arbor = await openProxy(t, { main: upstream })
  assert.equal(await statusOf(arbor, '/simple/demo/'), 200)
  upstream.quirks.pageStatus = 500
  assert.equal((await administer(arbor, 'POST', 'refresh', { body: { project: 'demo' } })).status, 502)
  assert.equal(await statusOf(arbor, '/simple/demo/'), 200)
})

test('pins are kept, once each, until they are removed', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, [one]) })
  const list = async (): Promise<string[]> =>
    (await ask<{ pins: { pin: string }[] }>(arbor, 'GET', 'pins')).pins.map(({ pin }) => pin)
  for (const pin of ['Demo', 'demo', 'demo==1.0', digest(one)]) await ask(arbor, 'PUT', `pins/${pin}`)
  assert.deepEqual(await list(), ['demo', 'demo==1.0', digest(one)].toSorted())
  await ask(arbor, 'DELETE', 'pins/demo%3D%3D1.0')
  assert.deepEqual(await list(), ['demo', digest(one)].toSorted())
  assert.equal((await administer(arbor, 'DELETE', 'pins/demo==1.0')).status, 404)
  for (const bad of ['sha256:00', '-', 'demo==', 'a%2Fb']) {
    assert.equal((await administer(arbor, 'PUT', `pins/${bad}`)).status, 400, bad)
  }
})

test('a project is forgotten with its page, its files and their trees, in memory as on the disk', async (t) => {
  const upstream = await openUpstream(t, [one, two, other])
  const arbor = await openProxy(t, { main: upstream })
  await endOf(arbor, await startJob(arbor, 'warm', { body: ALL }))
  const { path } = await arbor.locate('demo', wheelFilename(one))
  const forgotten = await ask<Forgotten>(arbor, 'POST', 'forget', { project: 'demo' })
  assert.deepEqual([forgotten.distributions, forgotten.trees, forgotten.pages], [2, 2, 1])
  assert.ok(forgotten.freedBytes > 0)
  const asked = upstream.requests.length
  assert.equal(await statusOf(arbor, `/wheels/${digest(one)}`), 404)
  assert.equal(await statusOf(arbor, `/wheels/${digest(other)}`), 200)
  assert.equal(upstream.requests.length, asked)
  assert.equal(await statusOf(arbor, path), 200)
  assert.equal(pagesAsked(upstream, 'demo'), 2)
  assert.equal((await administer(arbor, 'POST', 'forget', { body: { project: 'nobody' } })).status, 404)
})

test('what is forgotten leaves no metadata, and is no prune', async (t) => {
  const upstream = await openUpstream(t, [one, two, other])
  const arbor = await openProxy(t, { main: upstream })
  await endOf(arbor, await startJob(arbor, 'warm', { body: ALL }))
  const { path } = await arbor.locate('demo', wheelFilename(one))
  assert.equal(await statusOf(arbor, `${path}.metadata`), 200)
  await ask(arbor, 'POST', 'forget', { project: 'demo' })
  assert.deepEqual((await ask<{ last: object }>(arbor, 'GET', 'stats')).last, {})
  const asked = upstream.requests.length
  assert.equal(await statusOf(arbor, `${path}.metadata`), 200)
  assert.ok(upstream.requests.length > asked, 'it is asked for again')
})

test('a distribution is forgotten alone, and so is a page', async (t) => {
  const upstream = await openUpstream(t, [one, two, other])
  const arbor = await openProxy(t, { main: upstream })
  await endOf(arbor, await startJob(arbor, 'warm', { body: ALL }))
  const gone = await ask<Forgotten>(arbor, 'POST', 'forget', { sha256: digest(one) })
  assert.deepEqual([gone.distributions, gone.pages], [1, 0])
  assert.equal((await administer(arbor, 'POST', 'forget', { body: { sha256: digest(one) } })).status, 404)
  assert.equal(await statusOf(arbor, `/wheels/${digest(two)}`), 200)
  const page = await ask<Forgotten>(arbor, 'POST', 'forget', { page: 'demo', index: 'main' })
  assert.deepEqual([page.distributions, page.pages], [0, 1])
  assert.equal(await statusOf(arbor, `/wheels/${digest(two)}`), 200)
  const asked = pagesAsked(upstream, 'demo')
  assert.equal(await statusOf(arbor, '/simple/demo/'), 200)
  assert.equal(pagesAsked(upstream, 'demo'), asked + 1)
})

test('that a project is gone is forgotten like its page, also after a restart', async (t) => {
  const upstream = await openUpstream(t, [one])
  const before = await openProxy(t, { main: upstream })
  await ask(before, 'POST', 'refresh', { project: 'demo' })
  upstream.distributions.clear()
  await ask(before, 'POST', 'refresh', { project: 'demo' })
  const arbor = await openProxy(t, { main: upstream }, {}, { data: before.data })
  assert.equal((await ask<Forgotten>(arbor, 'POST', 'forget', { page: 'demo' })).pages, 1)
  assert.equal((await administer(arbor, 'POST', 'forget', { body: { page: 'demo' } })).status, 404)
})

test('a virtual index has nothing that could be forgotten, and says so', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, [one]) }, {}, { adjust: withVirtual })
  const refused = await administer(arbor, 'POST', 'forget', { body: { project: 'demo', index: 'all' } })
  assert.equal(refused.status, 400)
  assert.match(await refused.text(), /all is virtual.*name one of its indexes/)
})

test('what is pinned is not forgotten, and the pin is named', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, [one, two, other]) })
  await endOf(arbor, await startJob(arbor, 'warm', { body: ALL }))
  for (const pin of ['demo', 'demo==1', digest(one)]) {
    await ask(arbor, 'PUT', `pins/${pin}`)
    for (const body of [{ project: 'demo' }, { sha256: digest(one) }]) {
      const response = await administer(arbor, 'POST', 'forget', { body })
      assert.equal(response.status, 409)
      const { code, pins } = (await response.json()) as { code: string; pins: string[] }
      assert.deepEqual([code, pins], ['ERR_PINNED', [pin]])
    }
    await ask(arbor, 'DELETE', `pins/${pin}`)
  }
  await ask(arbor, 'PUT', 'pins/other')
  assert.equal((await ask<Forgotten>(arbor, 'POST', 'forget', { project: 'demo', index: 'main' })).distributions, 2)
  assert.equal(await statusOf(arbor, `/wheels/${digest(other)}`), 200)
})

test('metadata that was forgotten is asked for again', async (t) => {
  const upstream = await openUpstream(t, [one])
  const arbor = await openProxy(t, { main: upstream })
  const { url } = (await pageOf(arbor, '/simple/demo/')).files[0]!
  const asked = (): number => upstream.requests.filter(({ path }) => path.endsWith('.metadata')).length
  for (let count = 0; count < 2; count += 1) assert.equal(await statusOf(arbor, `${url}.metadata`), 200)
  assert.equal(asked(), 1)
  await ask(arbor, 'POST', 'forget', { sha256: digest(one) })
  assert.equal(await statusOf(arbor, `${url}.metadata`), 200)
  assert.equal(asked(), 2)
})

test('a prune that nobody waits for is a job', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, [one, two, other]) })
  await endOf(arbor, await startJob(arbor, 'warm', { body: ALL }))
  const body = { dryRun: false, maxBytes: 0 }
  const { state, result } = await endOf(
    arbor,
    await startJob(arbor, 'prune', { body, headers: { prefer: 'respond-async' } }),
  )
  assert.equal(state, 'done')
  assert.equal(result?.['distributions'], 3)
  assert.equal(await statusOf(arbor, '/lookup/main/demo'), 404)
})

test('a scrub is joined by whoever wants one meanwhile, and can be cancelled', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, [one]) }, {}, { adjust: scrubbedSlowly })
  await endOf(arbor, await startJob(arbor, 'warm', { body: 'demo==1.0' }))
  const slow = await startJob(arbor, 'scrub')
  assert.equal(await startJob(arbor, 'scrub', { body: { bytesPerSecond: '1GiB' } }), slow)
  await administer(arbor, 'DELETE', `jobs/${slow}`)
  const { state, result } = await endOf(arbor, slow)
  assert.deepEqual([state, result?.['complete']], ['cancelled', false])
  const whole = await endOf(arbor, await startJob(arbor, 'scrub', { body: { bytesPerSecond: '1GiB' } }))
  assert.deepEqual([whole.state, whole.result?.['damaged'], whole.result?.['complete']], ['done', 0, true])
})

test('a second prune is refused while one runs, since it may be within another budget', async () => {
  const jobs = new Jobs({ clock: () => 0, log: openLog('fatal') })
  const planning = Promise.withResolvers<PrunePlan>()
  // Nothing else of a server is looked at.
  const parts = { jobs, store: {}, planPrune: () => planning.promise } as unknown as AdministrationParts
  const admin = createAdministration(parts)
  const { id } = admin.startPrune({})
  assert.throws(() => admin.startPrune({ maxBytes: 0 }), { code: 'ERR_JOB_RUNNING', extensions: { job: id } })
  jobs.cancelAll()
  planning.resolve({ distributions: [], pinned: 0, trees: 0, blobs: 0, packs: 0, storedBytes: 0, freedBytes: 0 })
  await jobs.close()
  assert.equal(jobs.find(id)?.state, 'cancelled')
})
