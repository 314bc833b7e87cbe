import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../../../server/errors.ts'
import { HOST, type Lab, openCircuit, openLab, page, unreached } from './breaker-lab.ts'

test('a host that goes on failing is not asked any more, and who asks is told at once when to come back', async () => {
  const lab = openLab()
  await openCircuit(lab)
  assert.throws(() => lab.breaker.admit(page('f')), { code: 'ERR_UPSTREAM_DOWN', retryAfterSeconds: 2 })
  assert.equal(lab.sent(), 5)
  assert.deepEqual(
    lab.log.map(({ level }) => level),
    ['warn'],
  )
})

for (const [what, outcome] of [
  ['refused connections', unreached()],
  ['names that are not found', unreached('ENOTFOUND')],
  ['time-outs', new UpstreamError('ERR_UPSTREAM_TIMEOUT', 'too long')],
  ['500', 500],
  ['504', 504],
] as const) {
  test(`${what} are trouble`, async () => {
    const lab = openLab()
    for (let number = 0; number < 5; number += 1) {
      lab.pass(1000)
      await lab.ask(page(`p${number}`), outcome)
    }
    assert.equal(await lab.ask(page('x')), 'ERR_UPSTREAM_DOWN')
  })
}

for (const [what, outcome] of [
  ['404', 404],
  ['403', 403],
  ['429', 429],
  ['501', 501],
  ['a certificate that is not trusted', new UpstreamError('ERR_UPSTREAM_UNTRUSTED', 'self-signed')],
  ['a client that left', new DOMException('left', 'AbortError')],
] as const) {
  test(`${what} is none`, async () => {
    const lab = openLab()
    for (let number = 0; number < 20; number += 1) {
      lab.pass(1000)
      await lab.ask(page(`p${number}`), outcome).catch(() => {})
    }
    assert.equal(lab.sent(), 20)
  })
}

test('a burst that one hiccup strikes is no trouble', async () => {
  const lab = openLab()
  for (let number = 0; number < 50; number += 1) await lab.ask(page(`p${number}`), unreached('ECONNRESET'))
  lab.pass(2000)
  assert.equal(await lab.ask(page('x')), 200)
})

test('nor is one that strikes requests which have waited for long, while others are answered', async () => {
  const lab = openLab()
  const waiting = Array.from({ length: 20 }, (_, number) => lab.breaker.admit(page(`p${number}`)))
  lab.pass(20_000)
  await lab.ask(page('x'))
  for (const attempt of waiting) attempt.failed(unreached('ECONNRESET'))
  assert.equal(await lab.ask(page('x')), 200)
})

test('a success in between starts a new count', async () => {
  const lab = openLab()
  for (let number = 0; number < 20; number += 1) {
    lab.pass(1000)
    await lab.ask(page(`p${number}`), number % 4 === 3 ? 200 : 503)
  }
  assert.equal(lab.sent(), 20)
})

test('one page that fails, however often, does not shut off the others; a host that is not reached counts each time', async () => {
  const lab = openLab()
  for (let number = 0; number < 20; number += 1) {
    lab.pass(1000)
    await lab.ask(page('broken'), 500)
  }
  assert.equal(await lab.ask(page('other')), 200)
  for (let number = 0; number < 5; number += 1) {
    lab.pass(1000)
    await lab.ask(page('broken'), unreached())
  }
  assert.equal(await lab.ask(page('other')), 'ERR_UPSTREAM_DOWN')
})

test('another host, and another port, is asked as before', async () => {
  const lab = openLab()
  await openCircuit(lab)
  assert.equal(await lab.ask(new URL('http://index.example:8080/')), 200)
  assert.equal(await lab.ask(new URL('https://index.example/')), 200)
})

test('after a while one request at a time is let through, and a success ends it', async () => {
  const lab = openLab()
  await openCircuit(lab)
  lab.pass(2000)
  assert.equal(lab.breaker.conditions()[0]?.state, 'half-open')
  const probe = lab.breaker.admit(page('probe'))
  assert.equal(await lab.ask(page('other')), 'ERR_UPSTREAM_DOWN')
  probe.answered(404, undefined)
  assert.equal(await lab.ask(page('other')), 200)
  assert.deepEqual(lab.breaker.conditions(), [{ host: HOST, state: 'closed', failures: 0, openUntil: undefined }])
  assert.equal(lab.log.at(-1)?.level, 'info')
})

test('a request that is given up decides nothing: the next one is let through', async () => {
  const lab = openLab()
  await openCircuit(lab)
  lab.pass(2000)
  await assert.rejects(lab.ask(page('a'), new DOMException('left', 'AbortError')))
  assert.equal(await lab.ask(page('a')), 200)
})

test('each failure doubles the time, up to a minute', async () => {
  const lab = openLab()
  await openCircuit(lab)
  const rests: number[] = []
  for (let number = 0; number < 7; number += 1) {
    const before = lab.sent()
    let rest = 0
    for (; lab.sent() === before; rest += 1000) {
      lab.pass(1000)
      await lab.ask(page('probe'), 503)
    }
    rests.push(rest / 1000)
  }
  assert.deepEqual(rests, [2, 4, 8, 16, 32, 60, 60])
  assert.deepEqual(
    lab.log.map(({ level }) => level),
    ['warn'],
  )
})

for (const [why, open] of [
  ['was in trouble', openCircuit],
  ['asked to be left alone', (lab: Lab) => lab.ask(page('busy'), 503, { retryAfterSeconds: 60 })],
] as const) {
  test(`a host that ${why} is asked again though the clock was set back by a year meanwhile`, async () => {
    const lab = openLab()
    await open(lab)
    assert.throws(() => lab.breaker.admit(page('then')))
    lab.pass(-365 * 24 * 3_600_000)
    assert.equal(lab.breaker.conditions()[0]?.state, 'half-open')
    assert.equal(await lab.ask(page('now')), 200)
    assert.equal(lab.breaker.conditions()[0]?.state, 'closed')
  })
}
