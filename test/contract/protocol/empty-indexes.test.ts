import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InProcessArbor } from '../../support/in-process.ts'
import type { Upstream } from '../../support/upstream.ts'
import { get, makeDataFolder, openProxy, openUpstream, statusOf, until } from './proxy.ts'

const recipes = ['demo', 'other'].map((name) => ({ name, version: '1.0' }))

function warningsOf({ log }: InProcessArbor): Record<string, unknown>[] {
  return log.filter(({ msg }) => String(msg).includes('no page from there is known'))
}

/** The same index, by a url in which a part is missing, or too much. */
function misplaced({ url }: Upstream): Upstream {
  return { url: `${url}simple/` } as Upstream
}

test('the answer for a project that is not there names the index', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, recipes) })
  const { detail } = (await (await get(arbor, '/simple/nothing/')).json()) as { detail: string }
  assert.equal(detail, 'There is no project nothing on the index main.')
})

test('an index at whose url nothing was ever found is named in the log, once', async (t) => {
  const upstream = await openUpstream(t, recipes)
  const right = await openUpstream(t, recipes)
  const arbor = await openProxy(t, { main: misplaced(upstream), right })
  for (const path of ['/simple/demo/', '/simple/other/', '/right/simple/demo/', '/right/simple/nothing/']) {
    await statusOf(arbor, path)
  }
  await until(async () => warningsOf(arbor).length > 0)
  assert.deepEqual(
    warningsOf(arbor).map(({ level, index, upstream: url, project }) => [level, index, url, project]),
    [['warn', 'main', `${upstream.url}simple/`, 'demo']],
  )
})

test('one of which a page is known, of that url, is not, also after a restart', async (t) => {
  const upstream = await openUpstream(t, recipes)
  const data = await makeDataFolder(t)
  const first = await openProxy(t, { main: upstream }, {}, { data })
  assert.equal(await statusOf(first, '/simple/demo/'), 200)
  await first[Symbol.asyncDispose]()
  const second = await openProxy(t, { main: upstream }, {}, { data })
  const moved = await openProxy(t, { main: misplaced(upstream) }, {}, { data })
  for (const arbor of [second, moved]) assert.equal(await statusOf(arbor, '/simple/nothing/'), 404)
  await until(async () => warningsOf(moved).length > 0)
  assert.deepEqual(warningsOf(second), [])
})
