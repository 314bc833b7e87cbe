import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createProgram } from '../../server/commands/program.ts'
import { ProgressLine } from '../../server/commands/progress-line.ts'
import { describeFailure } from '../../server/commands/start-error.ts'
import { hashSha256 } from '../../storage/digest.ts'
import { openProxy, openUpstream, until } from '../contract/protocol/proxy.ts'
import { administer, endOf } from '../support/admin.ts'
import type { InProcessArbor } from '../support/in-process.ts'
import { loadGiven } from '../support/load-config.ts'
import { makeWheel, wheelFilename } from '../support/zip-writer.ts'

const folder = await mkdtemp(join(tmpdir(), 'arbor-commands-'))
after(() => rm(folder, { recursive: true }))

const recipe = { name: 'demo', version: '1.0' }
const filename = wheelFilename(recipe)
const sha256 = `sha256:${hashSha256(makeWheel(recipe))}`

interface Ran {
  readonly printed: string
  readonly progress: readonly string[]
  readonly message: string | undefined
  readonly exitCode: number
}

/** What a person sees who types a command; `interrupt` is their Ctrl-C. */
async function type(arbor: InProcessArbor, line: string, interrupt = new AbortController()): Promise<Ran> {
  let printed = ''
  const progress: string[] = []
  const program = createProgram({
    loadConfig: (flags) => loadGiven({ env: { ARBOR_ADMIN_TOKEN: 'secret-for-tests' }, flags }),
    print: (text) => (printed += text),
    showProgress: (text) => progress.push(text),
    watchInterrupt: () => interrupt.signal,
    readFile: (path) => readFile(path, 'utf8').catch(() => undefined),
    serve: () => assert.fail('no server is to start'),
  })
  const args = [...line.split(' '), '--server', arbor.url]
  try {
    await program.parseAsync(args, { from: 'user' })
    return { printed, progress, message: undefined, exitCode: 0 }
  } catch (error) {
    return { printed, progress, ...describeFailure(error) }
  }
}

async function listFile(text: string): Promise<string> {
  const path = join(folder, `${hashSha256(Buffer.from(text)).slice(0, 8)}.txt`)
  await writeFile(path, text)
  return path
}

test('warm fetches what a file lists, says how far it is, and what it did', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, [recipe]) })
  const ran = await type(arbor, `warm ${await listFile('demo==1.0\nother>=1\n')} --index main`)
  assert.equal(ran.exitCode, 0, ran.message)
  assert.match(ran.printed, /^warm done\n {2}files +1\n/)
  assert.match(ran.printed, /\nskips\n {2}other>=1: it names no single version/)
  assert.match(ran.progress[0] ?? '', /^warm: /)
  const json = await type(arbor, `warm ${await listFile('demo==1.0')} --format requirements --json`)
  assert.equal((JSON.parse(json.printed) as { result: { alreadyStored: number } }).result.alreadyStored, 1)
})

test('what is not fetched is an exit code, and so is a file that is not there, or cannot be read', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, [recipe]) })
  const failed = await type(arbor, `warm ${await listFile('demo==1.0\nnobody==1.0\n')}`)
  assert.deepEqual([failed.exitCode, failed.message], [1, '1 failed'])
  assert.match(failed.printed, /failures\n {2}nobody==1\.0: main has no project nobody\n/)
  assert.match((await type(arbor, 'warm /nowhere.txt')).message ?? '', /there is no file \/nowhere\.txt/)
  const unread = await type(arbor, `warm ${await listFile('x>=1')}`)
  assert.match(unread.message ?? '', /answered 400: .*names nothing to fetch/)
})

test('Ctrl-C leaves the job running and says so; jobs tells of it, follows it and ends it', async (t) => {
  const upstream = await openUpstream(t, [recipe], { hangAt: 10, faultyResponses: 100 })
  const arbor = await openProxy(t, { main: upstream })
  const interrupt = new AbortController()
  const warming = type(arbor, `warm ${await listFile('demo==1.0')}`, interrupt)
  await until(async () => upstream.requests.some(({ path }) => path.startsWith('/packages/')))
  interrupt.abort()
  const { exitCode, message } = await warming
  assert.equal(exitCode, 130)
  const [, id = ''] = /^the job goes on: "arbor jobs ([\w-]+)"/.exec(message ?? '') ?? assert.fail(message)
  assert.match((await type(arbor, 'jobs')).printed, new RegExp(`^${id}  .*  running +warm: `))
  assert.match((await type(arbor, `jobs ${id}`)).printed, new RegExp(`^${id}  warm: `))
  const following = type(arbor, `jobs ${id} --follow`)
  assert.match((await type(arbor, `jobs ${id} --cancel`)).printed, /^\S+ {2}warm: .*, told to end\n$/)
  assert.equal((await type(arbor, `jobs ${id} --cancel --json`)).exitCode, 0)
  assert.deepEqual([(await following).exitCode, (await following).message], [1, 'the warm was cancelled'])
  assert.match((await following).printed, /^warm cancelled\n/)
  const shown = await type(arbor, `jobs ${id}`)
  assert.match(shown.printed, /^warm cancelled\n/)
  assert.equal(shown.exitCode, 0)
  // Who follows gets the same code, whether the job ended before or after that.
  assert.equal((await type(arbor, `jobs ${id} --follow`)).message, 'the warm was cancelled')
  assert.match((await type(arbor, 'jobs nobody')).message ?? '', /404: Not found: There is no job nobody/)
})

test('prune says what would go, and with --execute has it deleted as a job, which can be left alone', async (t) => {
  const other = { name: 'other', version: '2.0' }
  const arbor = await openProxy(t, { main: await openUpstream(t, [recipe, other]) })
  await type(arbor, `warm ${await listFile('demo==1.0\nother==2.0\n')}`)
  const plan = await type(arbor, 'prune --project demo')
  assert.match(plan.printed, /^demo 1\.0 [^]*Nothing was deleted: add --execute to do it\.\n$/)
  const none = await type(arbor, 'prune --project nobody')
  assert.match(none.printed, /\nThere is nothing to delete\.\n$/)
  const ran = await type(arbor, 'prune --project demo --execute')
  assert.equal(ran.exitCode, 0, ran.message)
  assert.match(ran.printed, /^prune done\n {2}distributions +1\n/)
  const detached = await type(arbor, 'prune --project other --execute --detach --json')
  const { id } = JSON.parse(detached.printed) as { id: string }
  assert.equal((await endOf(arbor, id)).result?.['distributions'], 1)
})

test('a prune that cannot meet its limits says how much is missing, and why', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, [recipe]) })
  await type(arbor, `warm ${await listFile('demo==1.0\n')}`)
  const plan = await type(arbor, 'prune --min-free 1000TiB')
  assert.equal(plan.exitCode, 0)
  assert.match(
    plan.printed,
    /\nThe limits would not be met: \d+ TiB more would have to be free on the disk; there is nothing else to delete\.\n/,
  )
  await type(arbor, 'pin add demo')
  const { plan: limited } = JSON.parse((await type(arbor, 'prune --max-size 1B --max-files 0 --json')).printed) as {
    plan: { storedBytes: number; shortfall: Record<string, unknown> }
  }
  assert.equal(limited.shortfall['storedBytes'], limited.storedBytes - 1)
  assert.deepEqual(Object.keys(limited.shortfall), ['storedBytes', 'files', 'reason'])
  const ran = await type(arbor, 'prune --max-files 0 --execute')
  assert.equal(ran.exitCode, 1)
  assert.match(
    ran.message ?? '',
    /^the limits are not met: \d files too many stay stored; what else would go is pinned$/,
  )
  assert.match(ran.printed, /^prune done\n[^]*\n {2}shortfall\n {4}files +\d\n {4}reason +pinned\n/)
})

test('a scrub can be left alone from the start', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, [recipe]) })
  assert.equal((await type(arbor, 'jobs')).printed, 'no jobs since the start\n')
  const { printed, exitCode } = await type(arbor, 'scrub --rate 10MiB/s --detach')
  assert.equal(exitCode, 0)
  const [id = ''] = printed.split(' ')
  assert.equal((await endOf(arbor, id)).state, 'done')
  assert.match((await type(arbor, 'scrub')).printed, /^scrub done\n/)
  assert.match((await type(arbor, 'scrub --rate unlimited')).printed, /^scrub done\n/)
})

test('stats are figures and tables, or the traffic summed up', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, [recipe]) })
  await type(arbor, `warm ${await listFile('demo==1.0')}`)
  const { printed } = await type(arbor, 'stats')
  assert.match(printed, /^uptime +\d+s\n/)
  assert.match(
    printed,
    /\nprojects largest\n {2}index {2}project {2}distributions +bytes +used at *\n {2}main +demo +1 +671 B {2}/,
  )
  const traffic = await type(arbor, 'stats --by project --since 2026-01-01')
  assert.match(
    traffic.printed,
    /^by +project\nsince +2026-01-01\n\ntraffic\n {2}index {2}project {2}hits .*\n {2}main +demo +/,
  )
  assert.match((await type(arbor, 'stats --since yesterday')).message ?? '', /400: .*"since" is a day/)
  const json = JSON.parse((await type(arbor, 'stats --by day --json')).printed) as { traffic: object[] }
  assert.equal(json.traffic.length, 1)
})

test('pins are added, listed and removed', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, [recipe]) })
  assert.equal((await type(arbor, 'pin list')).printed, 'nothing is pinned\n')
  assert.match(
    (await type(arbor, `pin add Demo demo==1.0 ${sha256}`)).printed,
    /Z {2}demo\n.*Z {2}demo==1\.0\n.*Z {2}sha256:/,
  )
  assert.equal((await type(arbor, 'pin remove demo==1.0')).exitCode, 0)
  const { pins } = JSON.parse((await type(arbor, 'pin list --json')).printed) as { pins: { pin: string }[] }
  assert.deepEqual(
    pins.map(({ pin }) => pin),
    ['demo', sha256],
  )
  assert.match((await type(arbor, 'pin remove other')).message ?? '', /404/)
})

test('a page is refreshed, and what is stored forgotten, unless it is pinned', async (t) => {
  const arbor = await openProxy(t, { main: await openUpstream(t, [recipe]) })
  assert.equal((await type(arbor, 'refresh demo')).printed, `main/demo: new, 1 file\n  + ${filename}\n`)
  await type(arbor, `warm ${await listFile('demo==1.0')}`)
  await type(arbor, 'pin add demo')
  const refused = await type(arbor, `forget ${sha256}`)
  assert.deepEqual([refused.exitCode, refused.printed], [1, ''])
  assert.match(refused.message ?? '', /409: It is pinned: Pinned by demo/)
  assert.match((await type(arbor, 'forget demo --page')).printed, /^Deleted:\ndistributions +0\n[^]*pages +1\n$/)
  await type(arbor, 'pin remove demo')
  assert.match((await type(arbor, `forget ${sha256}`)).printed, /^Deleted:\ndistributions +1\n/)
  assert.match((await type(arbor, 'forget demo --index main')).message ?? '', /404/)
  assert.equal((await administer(arbor, 'GET', 'stats')).status, 200)
})

test('progress is one line that changes where a person watches, and few lines elsewhere', () => {
  const seen: string[] = []
  const write = (text: string): number => seen.push(text)
  const terminal = new ProgressLine({ isTTY: true, write })
  for (const line of ['one', 'two']) terminal.show(line)
  terminal.end()
  terminal.end()
  assert.deepEqual(seen.splice(0), ['\r\u001B[Kone', '\r\u001B[Ktwo', '\n'])
  const log = new ProgressLine({ write })
  for (const line of ['one', 'two']) log.show(line)
  log.end()
  assert.deepEqual(seen, ['one\n'])
})
