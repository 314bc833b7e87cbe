import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Jobs } from '../../server/jobs.ts'
import { openLog } from '../../server/log.ts'
import { ScrubJobs } from '../../server/scrub-jobs.ts'
import { StoreFullError } from '../../storage/errors.ts'
import type { ScrubOptions, ScrubOutcome } from '../../storage/store.ts'

const OUTCOME: ScrubOutcome = { files: 1, bytes: 1, damaged: 0, missing: 0, healed: 0, notHealed: 0, complete: true }

/** A store whose scrub ends when the test says so, or is told to. */
function open() {
  const begun: ScrubOptions[] = []
  const end = Promise.withResolvers<ScrubOutcome>()
  const jobs = new Jobs({ clock: () => 0, log: openLog('fatal') })
  const scrubs = new ScrubJobs(jobs, {
    scrub(options) {
      begun.push(options)
      options.signal.addEventListener('abort', () => end.resolve({ ...OUTCOME, complete: false }))
      return end.promise
    },
  })
  return { begun, end, jobs, scrubs }
}

test('one that nobody asked for is a job all the same: seen, joined and ended like any other', async () => {
  const { begun, jobs, scrubs } = open()
  const { signal } = new AbortController()
  const scrubbing = scrubs.scrub({ bytesPerSecond: 5, signal })
  const job = jobs.findRunning('scrub')
  assert.equal(begun[0]?.bytesPerSecond, 5)
  begun[0]?.onProgress?.({ files: 1, bytes: 2, totalFiles: 3, totalBytes: 4, damaged: 0 })
  assert.equal(scrubs.start({ bytesPerSecond: 9 }).id, job?.id)
  await assert.rejects(scrubs.scrub({ bytesPerSecond: 9, signal }), { code: 'ERR_SCRUB_RUNNING' })
  jobs.cancel(job?.id ?? '')
  assert.equal((await scrubbing).complete, false)
  await jobs.close()
  const ended = jobs.find(job?.id ?? '')
  assert.equal(ended?.state, 'cancelled')
  assert.equal(ended.progress['totalFiles'], 3)
  assert.equal(begun.length, 1)
})

test('the end of the schedule ends its scrub', async () => {
  const { scrubs, jobs } = open()
  const ending = new AbortController()
  const scrubbing = scrubs.scrub({ bytesPerSecond: undefined, signal: ending.signal })
  ending.abort()
  assert.equal((await scrubbing).complete, false)
  await jobs.close()
})

test('a failure is told to both', async () => {
  const { scrubs, jobs, end } = open()
  const scrubbing = scrubs.scrub({ bytesPerSecond: undefined, signal: new AbortController().signal })
  end.reject(new StoreFullError('full'))
  await assert.rejects(scrubbing, { code: 'ERR_STORE_FULL' })
  await new Promise(setImmediate)
  assert.equal(jobs.list()[0]?.error?.code, 'ERR_STORE_FULL')
})
