import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job } from '../../routes/administration.ts'
import { type JobContext, type JobEnd, Jobs } from '../../server/jobs.ts'
import { openLog } from '../../server/log.ts'
import { StoreFullError } from '../../storage/errors.ts'

const never = new AbortController().signal

/** Jobs by a clock that goes on by one whenever it is read, and a job that does what the test says. */
function openJobs() {
  let now = 0
  const jobs = new Jobs({ clock: () => (now += 1), log: openLog('fatal') })
  const begin = (kind: Job['kind'] = 'scrub') => {
    const end = Promise.withResolvers<JobEnd>()
    let context: JobContext | undefined
    const { id } = jobs.start(kind, (given) => {
      context = given
      return end.promise
    })
    assert.ok(context)
    return { ...context, id, end }
  }
  return { jobs, begin, [Symbol.asyncDispose]: () => jobs.close() }
}

async function following(jobs: Jobs, id: string): Promise<Job[]> {
  const told: Job[] = []
  for await (const job of jobs.watch(id, { signal: never }) ?? assert.fail('no such job')) told.push(job)
  return told
}

test('a job tells how far it is, and in the end what it did', async () => {
  const { jobs, begin } = openJobs()
  const { id, report, end } = begin()
  report({ files: 1, totalFiles: 2 })
  const running = jobs.find(id)
  assert.deepEqual(running, {
    id,
    kind: 'scrub',
    state: 'running',
    startedAt: 1,
    endedAt: undefined,
    progress: { files: 1, totalFiles: 2 },
    result: undefined,
    error: undefined,
  })
  end.resolve({ result: { damaged: 0 }, isComplete: true })
  await following(jobs, id)
  assert.deepEqual(jobs.find(id), { ...running, state: 'done', endedAt: 2, result: { damaged: 0 } })
})

test('a failure is told as a problem is: an unknown one tells nothing of the inside', async () => {
  const { jobs, begin } = openJobs()
  const full = begin()
  full.end.reject(new StoreFullError('/srv/secret is full'))
  const bug = begin()
  bug.end.reject(new TypeError('x of undefined'))
  const [ended] = (await following(jobs, full.id)).slice(-1)
  assert.equal(ended?.state, 'failed')
  assert.equal(ended.error?.code, 'ERR_STORE_FULL')
  await following(jobs, bug.id)
  assert.equal(jobs.find(bug.id)?.error?.code, 'ERR_INTERNAL')
  assert.match(jobs.find(bug.id)?.error?.detail ?? '', new RegExp(`under the job's id, ${bug.id}`))
  assert.doesNotMatch(JSON.stringify(jobs.list()), /secret|undefined/)
})

test('a cancelled job is told to end; what it then says is kept, and its error is none', async () => {
  const { jobs, begin } = openJobs()
  const cut = begin()
  assert.equal(jobs.cancel(cut.id)?.state, 'running')
  assert.equal(cut.signal.aborted, true)
  cut.end.resolve({ result: { files: 3 }, isComplete: false })
  const broken = begin()
  jobs.cancel(broken.id)
  broken.end.reject(broken.signal.reason)
  for (const { id } of [cut, broken]) await following(jobs, id)
  assert.deepEqual(
    jobs.list().map(({ state, result, error }) => ({ state, result, error })),
    [
      { state: 'cancelled', result: undefined, error: undefined },
      { state: 'cancelled', result: { files: 3 }, error: undefined },
    ],
  )
  assert.equal(jobs.cancel('nobody'), undefined)
})

test('what was done though it was cancelled is done', async () => {
  const { jobs, begin } = openJobs()
  const { id, end } = begin('prune')
  jobs.cancel(id)
  end.resolve({ result: {}, isComplete: true })
  await following(jobs, id)
  assert.equal(jobs.find(id)?.state, 'done')
})

test('a follower hears the state at once, the latest some times a second, and the end', async () => {
  const { jobs, begin } = openJobs()
  const { id, report, end } = begin()
  const told = following(jobs, id)
  for (let files = 1; files <= 1000; files += 1) {
    report({ files })
    if (files % 100 === 0) await new Promise(setImmediate)
  }
  end.resolve({ result: {}, isComplete: true })
  const states = await told
  assert.ok(states.length <= 3, `${states.length} events`)
  assert.equal(states[0]?.progress['files'], undefined)
  assert.deepEqual(states.at(-1)?.progress, { files: 1000 })
  assert.equal(states.at(-1)?.state, 'done')
})

test('a follower that goes away leaves the job alone', async () => {
  const { jobs, begin } = openJobs()
  const { id, signal, end } = begin()
  const leaving = new AbortController()
  const left = (async () => {
    for await (const job of jobs.watch(id, { signal: leaving.signal }) ?? []) assert.equal(job.state, 'running')
  })()
  leaving.abort()
  await left
  assert.equal(signal.aborted, false)
  end.resolve({ result: {}, isComplete: true })
  await jobs.close()
  assert.equal(jobs.find(id)?.state, 'done')
})

test('where nothing changes a follower is told that all the same, now and then', async (t) => {
  const { jobs, begin } = openJobs()
  const { id } = begin()
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const events = (jobs.watch(id, { signal: never }) ?? assert.fail('no such job'))[Symbol.asyncIterator]()
  const first = await events.next()
  const second = events.next()
  await new Promise(setImmediate)
  t.mock.timers.tick(15_000)
  assert.equal((await second).value, first.value)
})

test('of those that ended the last hundred are remembered', async () => {
  const { jobs, begin } = openJobs()
  const running = begin('warm')
  const ids: string[] = []
  for (let count = 0; count < 105; count += 1) {
    const { id, end } = begin()
    ids.push(id)
    end.resolve({ result: {}, isComplete: true })
    await following(jobs, id)
  }
  assert.equal(jobs.list().length, 101)
  assert.equal(jobs.find(ids[4]!), undefined)
  assert.equal(jobs.find(ids[5]!)?.state, 'done')
  assert.equal(jobs.find(running.id)?.state, 'running')
  assert.equal(jobs.findRunning('warm')?.id, running.id)
  assert.equal(jobs.findRunning('scrub'), undefined)
})

test('what ended last is remembered, whenever it was started', async () => {
  const { jobs, begin } = openJobs()
  const long = begin('warm')
  for (let count = 0; count < 100; count += 1) {
    const { id, end } = begin()
    end.resolve({ result: {}, isComplete: true })
    await following(jobs, id)
  }
  long.end.resolve({ result: {}, isComplete: true })
  await following(jobs, long.id)
  assert.equal(jobs.find(long.id)?.state, 'done')
  assert.equal(jobs.list().length, 100)
})

test('what was under way when a job ended changes nothing of it', async () => {
  const { jobs, begin } = openJobs()
  const { id, report, end } = begin()
  report({ files: 1 })
  end.resolve({ result: {}, isComplete: true })
  await following(jobs, id)
  report({ files: 2 })
  assert.deepEqual(jobs.find(id)?.progress, { files: 1 })
})

test('closing cancels all jobs and waits for their end; then none starts', async () => {
  const { jobs, begin } = openJobs()
  const { id, signal, end } = begin()
  const told = following(jobs, id)
  const closed = jobs.close()
  assert.equal(signal.aborted, true)
  assert.throws(() => begin(), { code: 'ERR_STORE_CLOSED' })
  end.resolve({ result: {}, isComplete: false })
  await closed
  assert.equal((await told).at(-1)?.state, 'cancelled')
})
