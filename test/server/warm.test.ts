import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashSha256 } from '../../storage/digest.ts'
import { openProxy, openUpstream, pageOf, statusOf, until } from '../contract/protocol/proxy.ts'
import { administer, endOf, type JobJson, startJob } from '../support/admin.ts'
import type { InProcessArbor } from '../support/in-process.ts'
import { makeWheel, wheelFilename, type WheelRecipe } from '../support/zip-writer.ts'

const recipes: readonly WheelRecipe[] = [
  { name: 'alpha', version: '1.0' },
  { name: 'alpha', version: '2.0' },
  { name: 'alpha', version: '2.0', tag: 'cp39-cp39-win32' },
  { name: 'beta-kit', version: '0.1' },
  { name: 'gamma', version: '3.0', files: { 'gamma.py': 'x = 1\n'.repeat(5000) } },
]
const wheels = recipes.map((recipe) => {
  const bytes = makeWheel(recipe)
  return { name: recipe.name, filename: wheelFilename(recipe), sha256: hashSha256(bytes), size: bytes.length }
})
const [alpha1, alpha2, alpha2win, beta, gamma] = wheels as [Wheel, Wheel, Wheel, Wheel, Wheel]
type Wheel = (typeof wheels)[number]

const uvLock = `version = 1
[[package]]
name = "alpha"
version = "2.0"
source = { registry = "https://index.invalid/simple" }
wheels = [
    { url = "https://files.invalid/a/${alpha2.filename}", hash = "sha256:${alpha2.sha256}", size = 1 },
    { url = "https://files.invalid/a/${alpha2win.filename}", hash = "sha256:${alpha2win.sha256}" },
]
[[package]]
name = "here"
version = "0"
source = { editable = "." }
`
const pylock = `lock-version = "1.0"
[[packages]]
name = "beta-kit"
version = "0.1"
wheels = [{ name = "${beta.filename}", url = "https://files.invalid/b", hashes = { sha256 = "${beta.sha256}" } }]
`
const requirements = `# from a compiler
alpha==1.0 \\
    --hash=sha256:${alpha1.sha256} \\
    --hash=sha256:${'0'.repeat(64)}
gamma==3.0  # all of it
beta-kit>=0
`

/** Whether files come, though upstream is gone. */
async function servedAlone(arbor: InProcessArbor, expected: readonly Wheel[]): Promise<void> {
  for (const { name, filename, sha256 } of expected) {
    const { files } = await pageOf(arbor, `/simple/${name}/`)
    const file = files.find((listed) => listed.filename === filename) ?? assert.fail(filename)
    const bytes = await (await fetch(file.url)).bytes()
    assert.equal(hashSha256(bytes), sha256)
    assert.equal(await statusOf(arbor, `${file.url}.metadata`), 200)
    assert.equal(await statusOf(arbor, `/wheels/sha256:${sha256}/tree`), 200)
  }
}

test('what lock files list is fetched and unpacked, and is there when upstream is gone', async (t) => {
  const upstream = await openUpstream(t, recipes)
  const arbor = await openProxy(t, { main: upstream })
  const ends: JobJson[] = []
  for (const body of [uvLock, pylock, requirements])
    ends.push(await endOf(arbor, await startJob(arbor, 'warm', { body })))
  await upstream.stop()
  assert.deepEqual(
    ends.map(({ state, progress }) => [state, progress['files'], progress['totalFiles'], progress['failed']]),
    [
      ['done', 2, 2, 0],
      ['done', 1, 1, 0],
      ['done', 2, 2, 0],
    ],
  )
  const bytes = alpha1.size + gamma.size
  assert.equal(ends[2]?.progress['bytes'], bytes)
  assert.deepEqual(ends[2]?.result, {
    files: 2,
    fetched: 2,
    fetchedBytes: bytes,
    alreadyStored: 0,
    failed: 0,
    refused: 0,
    skipped: 1,
    failures: [],
    refusals: [],
    skips: [{ entry: 'beta-kit>=0', reason: 'it names no single version: only name==version is fetched' }],
  })
  assert.deepEqual(ends[0]?.result?.['skips'], [
    { entry: 'here', reason: 'it comes from "editable", not from an index' },
  ])
  await servedAlone(arbor, wheels)
})

test('a file that a list spells otherwise than its index is fetched by its digest', async (t) => {
  const upstream = await openUpstream(t, recipes)
  const arbor = await openProxy(t, { main: upstream })
  const body = pylock.replace(beta.filename, 'Beta.Kit-0.1.0-py3-none-any.whl')
  const { result } = await endOf(arbor, await startJob(arbor, 'warm', { body }))
  assert.deepEqual([result?.['fetched'], result?.['failures']], [1, []])
})

test('a second time, nothing is fetched', async (t) => {
  const upstream = await openUpstream(t, recipes)
  const arbor = await openProxy(t, { main: upstream })
  await endOf(arbor, await startJob(arbor, 'warm', { body: 'alpha==2.0' }))
  const asked = upstream.requests.length
  const { result } = await endOf(arbor, await startJob(arbor, 'warm', { body: uvLock }))
  assert.deepEqual([result?.['fetched'], result?.['alreadyStored']], [0, 2])
  assert.equal(upstream.requests.length, asked)
})

test('what fails is told, and keeps nothing else from being fetched', async (t) => {
  const torn = { name: 'torn', version: '1.0', extraMembers: [{ name: '../out', content: Buffer.from('x') }] }
  const upstream = await openUpstream(t, [...recipes, torn])
  const arbor = await openProxy(t, { main: upstream })
  upstream.distributions.set(gamma.filename, {
    ...upstream.distributions.get(gamma.filename)!,
    sha256: '1'.repeat(64),
  })
  const body = `nobody==1.0\nalpha==9.9\nalpha==1.0 --hash=sha256:${'0'.repeat(64)}\ngamma==3.0\nbeta-kit==0.1\ntorn==1.0\n`
  const { state, result } = await endOf(arbor, await startJob(arbor, 'warm', { body }))
  assert.equal(state, 'done')
  assert.deepEqual([result?.['fetched'], result?.['failed'], result?.['refused']], [2, 4, 1])
  const failures = result?.['failures'] as { entry: string; reason: string }[]
  assert.deepEqual(
    failures.map(({ entry }) => entry),
    ['nobody==1.0', 'alpha==9.9', 'alpha==1.0', gamma.filename],
  )
  assert.match(failures[0]?.reason ?? '', /main has no project nobody/)
  assert.match(failures[1]?.reason ?? '', /lists no such file/)
  assert.match(failures[3]?.reason ?? '', /Upstream sent other bytes than it promised: .*expected sha256:1{64}/)
  assert.match(JSON.stringify(result?.['refusals']), /torn-1\.0-py3-none-any\.whl.*name/)
})

test('an upstream in trouble is told for what it is', async (t) => {
  const upstream = await openUpstream(t, recipes, { pageStatus: 500 })
  const arbor = await openProxy(t, { main: upstream })
  const { result } = await endOf(arbor, await startJob(arbor, 'warm', { body: 'alpha==1.0' }))
  assert.match(JSON.stringify(result?.['failures']), /Upstream cannot be reached/)
})

test('a job goes on when the client that started it is gone, and ends when it is told to', async (t) => {
  const upstream = await openUpstream(t, recipes, { hangAt: 100, faultyResponses: 100 })
  const arbor = await openProxy(t, { main: upstream })
  const leaving = new AbortController()
  const id = await startJob(arbor, 'warm', { body: requirements })
  const headers = { accept: 'text/event-stream' }
  const events = await administer(arbor, 'GET', `jobs/${id}`, { headers, signal: leaving.signal })
  leaving.abort()
  await assert.rejects(events.text())
  await until(async () =>
    upstream.requests.some(({ path, bytesSent }) => path.startsWith('/packages/') && bytesSent > 0),
  )
  const running = (await (await administer(arbor, 'GET', `jobs/${id}`)).json()) as JobJson
  assert.equal(running.state, 'running')
  assert.equal((await administer(arbor, 'DELETE', `jobs/${id}`)).status, 202)
  const { state, result } = await endOf(arbor, id)
  assert.equal(state, 'cancelled')
  assert.deepEqual([result?.['files'], result?.['fetched'], result?.['failed']], [2, 0, 0])
  assert.equal((await administer(arbor, 'DELETE', `jobs/${id}`)).status, 200)
})

test('progress counts the bytes of a file that is not there yet', async (t) => {
  const upstream = await openUpstream(t, recipes, { hangAt: 100, faultyResponses: 1 })
  const arbor = await openProxy(t, { main: upstream })
  const id = await startJob(arbor, 'warm', { body: 'gamma==3.0' })
  await until(async () => {
    const { progress } = (await (await administer(arbor, 'GET', `jobs/${id}`)).json()) as JobJson
    return progress['bytes'] === 100
  })
  await administer(arbor, 'DELETE', `jobs/${id}`)
})

test('an index has to exist, and a list to be readable', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, recipes) })
  for (const [query, body, status] of [
    ['?index=other', 'alpha==1.0', 404],
    ['?index=%2F', 'alpha==1.0', 400],
    ['?format=poetry', 'alpha==1.0', 400],
    ['?format=pylock', 'alpha==1.0', 400],
    ['', '', 400],
    ['', 'alpha', 400],
  ] as const) {
    const response = await administer(arbor, 'POST', `warm${query}`, { body })
    assert.equal(response.status, status)
    assert.equal(response.headers.get('content-type'), 'application/problem+json')
  }
  const { jobs } = (await (await administer(arbor, 'GET', 'jobs')).json()) as { jobs: JobJson[] }
  assert.deepEqual(jobs, [])
})

test('what another server on the same folder has pruned is fetched again, though memory still has it', async (t) => {
  const upstream = await openUpstream(t, recipes)
  const arbor = await openProxy(t, { main: upstream })
  const other = await openProxy(t, { main: upstream }, {}, { data: arbor.data })
  for (const fetched of [2, 2]) {
    const { state, result } = await endOf(arbor, await startJob(arbor, 'warm', { body: requirements }))
    assert.deepEqual([state, result?.['fetched'], result?.['failures']], ['done', fetched, []])
    const prune = { dryRun: false, unusedFor: '0ms' }
    assert.equal((await administer(other, 'POST', 'prune', { body: prune })).status, 200)
  }
})
