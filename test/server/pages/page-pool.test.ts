import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { renderHtmlPage } from '../../../routes/render-html.ts'
import { renderJsonPage } from '../../../routes/render-json.ts'
import { Representations } from '../../../routes/representations.ts'
import { PagePool } from '../../../server/pages/page-pool.ts'
import { parsePage, parseProjectList } from '../../../server/pages/parse-page.ts'
import { openSqliteCatalog } from '../../../storage/catalog/sqlite-catalog.ts'
import { parseIndexName } from '../../../storage/names.ts'
import { DEMO, PAGE_URL } from './sample.ts'

const index = parseIndexName('main')

function openPool(t: TestContext): PagePool {
  const pool = new PagePool()
  t.after(() => pool.close())
  return pool
}

function responseOf(text: string, contentType = 'application/json') {
  return { body: Buffer.from(text), contentType, url: PAGE_URL }
}

/** A page of 5,000 wheels, as PyPI has it. */
function largePage(): string {
  const files = Array.from({ length: 5000 }, (_, number) => {
    const hex = number.toString(16).padStart(64, '0')
    const filename = `demo-1.${number >> 2}-cp31${number % 4}-cp31${number % 4}-manylinux_2_17_x86_64.whl`
    return {
      filename,
      url: `https://files.example/packages/${hex}/${filename}`,
      hashes: { sha256: hex },
      'core-metadata': { sha256: hex },
      'requires-python': '>=3.9',
      size: 1000 + number,
      'upload-time': '2024-01-02T10:11:12.123456Z',
      provenance: `https://index.example/integrity/${filename}/provenance`,
      yanked: false,
    }
  })
  const versions = Array.from({ length: 1250 }, (_, number) => `1.${number}`)
  return JSON.stringify({ meta: { 'api-version': '1.4' }, name: 'demo', versions, files })
}

test('a large page is the same from the thread', async (t) => {
  const response = responseOf(largePage())
  const pool = openPool(t)
  pool.expectLarge()
  const { page } = await pool.parse(response, DEMO)
  assert.deepEqual(page, parsePage(response, DEMO))
})

test('a thread that begins for a page that never comes ends with the others', async () => {
  const pool = new PagePool()
  pool.expectLarge()
  await pool.close()
})

test('what is no page is refused in the thread as it is here', async (t) => {
  const pool = openPool(t)
  const refusal = { code: 'ERR_UPSTREAM_PAGE', message: `${PAGE_URL} is not valid JSON` }
  for (const length of [10, 300_000]) {
    await assert.rejects(pool.parse(responseOf('{'.padEnd(length)), DEMO), refusal)
    await assert.rejects(pool.parseList(responseOf('{'.padEnd(length))), refusal)
  }
})

test('A17: a large list of projects is the same from the thread', async (t) => {
  const projects = Array.from({ length: 30_000 }, (_, number) => ({ name: `Some_Project-${number}` }))
  const response = responseOf(JSON.stringify({ meta: {}, projects: [...projects, { name: 'no\nname' }] }))
  const names = await openPool(t).parseList(response)
  assert.deepEqual(names, parseProjectList(response))
  assert.equal(names.length, 30_000)
})

/** The most processor time that one turn of the event loop takes while `work` goes on, milliseconds. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let isOver = false
  let before = process.threadCpuUsage()
  const measure = (): void => {
    const { user, system } = process.threadCpuUsage(before)
    longest = Math.max(longest, (user + system) / 1000)
    before = process.threadCpuUsage()
    if (!isOver) setImmediate(measure)
  }
  setImmediate(measure)
  await work()
  isOver = true
  measure()
  return longest
}

test('a page of 5,000 files is read, kept, found, rendered and compressed without holding up others', async (t) => {
  const pool = openPool(t)
  const catalog = await openSqliteCatalog({ path: ':memory:' })
  t.after(() => catalog.close())
  const representations = new Representations(100 << 20)
  const response = responseOf(largePage())
  const common = { index, project: DEMO, source: undefined, etag: undefined, lastModified: undefined, fetchedAt: 1 }
  const work = async (): Promise<void> => {
    const { page, json } = await pool.parse(response, DEMO)
    await catalog.savePage({ ...common, page }, { json })
    const found = await catalog.findPage(index, DEMO)
    assert.equal(found?.page.files.length, 5000)
    const snapshot = { index, page: found.page }
    for (const [form, renderPage] of [renderJsonPage, renderHtmlPage].entries()) {
      const render = (): Iterable<string> => renderPage(snapshot, '../../')
      await representations.make(snapshot, form, 'gzip', { render, headers: {}, tag: String(form) })
    }
  }
  // The first times the code is slow yet, and now and then memory is tidied up.
  const turns: number[] = []
  for (let round = 0; round < 5; round += 1) turns.push(await longestTurn(work))
  assert.ok(Math.min(...turns) < 20, `turns of ${turns.map((ms) => ms.toFixed(1)).join(', ')} ms`)
  t.diagnostic(`longest turns: ${turns.map((ms) => ms.toFixed(1)).join(', ')} ms of processor time`)
})
