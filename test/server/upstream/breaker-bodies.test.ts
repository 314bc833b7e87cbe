import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../../../server/errors.ts'
import { openCircuit, openLab, page, unreached } from './breaker-lab.ts'

const stalled = new UpstreamError('ERR_UPSTREAM_TIMEOUT', 'too long')
const torn = unreached('ECONNRESET')

for (const [what, body] of [
  ['stall', stalled],
  ['break off', torn],
] as const) {
  test(`bodies that ${what} are trouble, though their headers came`, async () => {
    const lab = openLab()
    for (let number = 0; number < 5; number += 1) await lab.ask(page(`p${number}`), 200, { body, takes: 1000 })
    assert.equal(await lab.ask(page('x')), 'ERR_UPSTREAM_DOWN')
  })
}

test('one that is whole is a success, and one that broke far on its way says nothing', async () => {
  const lab = openLab()
  for (let number = 0; number < 20; number += 1) {
    await lab.ask(page(`p${number}`), 200, { takes: 1000, ...(number % 4 !== 3 && { body: stalled }) })
  }
  for (let number = 0; number < 20; number += 1) {
    await lab.ask(page(`q${number}`), 200, { body: stalled, takes: 1000, bytes: 1 << 20 })
  }
  assert.equal(lab.sent(), 40)
})

test('bodies that ran well until one hiccup tears them all are no trouble', async () => {
  const lab = openLab()
  const running = Array.from({ length: 20 }, (_, number) => lab.breaker.admit(page(`p${number}`)))
  for (const attempt of running) attempt.answered(200, undefined)
  lab.pass(60_000)
  for (const attempt of running) attempt.received(1000)
  for (const attempt of running) attempt.failed(torn)
  assert.equal(await lab.ask(page('x')), 200)
})

test('headers let others through again, and a body that stalls behind them closes the host for twice as long', async () => {
  const lab = openLab()
  await openCircuit(lab)
  lab.pass(2000)
  const probe = lab.breaker.admit(page('probe'))
  probe.answered(200, undefined)
  assert.equal(lab.breaker.conditions()[0]?.state, 'closed')
  probe.failed(stalled)
  lab.pass(3999)
  assert.equal(await lab.ask(page('x')), 'ERR_UPSTREAM_DOWN')
  lab.pass(1)
  assert.equal(await lab.ask(page('x')), 200)
})

for (const status of [429, 503]) {
  test(`${status} with a long Retry-After: nobody asks that host before its time, and then one does`, async () => {
    const lab = openLab()
    const running = lab.breaker.admit(page('running'))
    assert.equal(await lab.ask(page('a'), status, { retryAfterSeconds: 60 }), status)
    assert.throws(() => lab.breaker.admit(page('b')), { code: 'ERR_UPSTREAM_BUSY', retryAfterSeconds: 60 })
    running.answered(200, undefined)
    running.finished()
    lab.pass(59_000)
    assert.throws(() => lab.breaker.admit(page('b')), { code: 'ERR_UPSTREAM_BUSY', retryAfterSeconds: 1 })
    assert.equal(lab.sent(), 1)
    lab.pass(1000)
    const probe = lab.breaker.admit(page('probe'))
    assert.throws(() => lab.breaker.admit(page('b')), { code: 'ERR_UPSTREAM_BUSY' })
    probe.answered(200, undefined)
    assert.equal(await lab.ask(page('b')), 200)
  })

  test(`${status} with a short one, which is waited for, or with none, holds nobody back`, async () => {
    const lab = openLab()
    await lab.ask(page('a'), status, { retryAfterSeconds: 5 })
    await lab.ask(page('a'), status)
    assert.equal(await lab.ask(page('b')), 200)
  })
}
