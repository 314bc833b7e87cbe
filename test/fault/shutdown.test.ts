import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { startArbor } from '../support/arbor.ts'
import { bigAsked, bigWheel, isBig, locate, openPlace, stagedIn, startReading } from './process-fixture.ts'

suite('SIGTERM', { concurrency: 3 }, () => {
  test('lets clients finish, refuses new ones, and keeps what was fetched', async (t) => {
    const { upstream, data } = await openPlace(t)
    await using arbor = await startArbor({ upstream: upstream.url, data })
    const url = await locate(arbor, 'big')
    upstream.quirks.bytesPerSecond = 2_000_000
    const readings = [startReading(url), startReading(url)]
    await Promise.all(readings.map((reading) => reading.atLeast(500_000)))
    const stopped = arbor.stop()
    await readings[0]!.atLeast(1_000_000)
    assert.equal(await startReading(url).whole, undefined, 'a new client')
    for (const reading of readings) assert.ok(isBig(await reading.whole))
    await stopped
    assert.deepEqual(await stagedIn(data), [])
    await using again = await startArbor({ upstream: upstream.url, data, listen: arbor.listen })
    assert.ok(isBig(await startReading(url).whole), again.output)
    assert.equal(bigAsked(upstream).length, 1)
  })

  test('lets a download finish that nobody follows any more', async (t) => {
    const { upstream, data } = await openPlace(t)
    await using arbor = await startArbor({ upstream: upstream.url, data })
    const url = await locate(arbor, 'big')
    upstream.quirks.bytesPerSecond = 3_000_000
    const reading = startReading(url)
    await reading.atLeast(300_000)
    reading.leave()
    await arbor.stop()
    assert.equal(bigAsked(upstream)[0]?.bytesSent, bigWheel.length)
    await using again = await startArbor({ upstream: upstream.url, data, listen: arbor.listen })
    assert.ok(isBig(await startReading(url).whole), again.output)
    assert.equal(bigAsked(upstream).length, 1)
  })

  test('does not wait for ever: after the grace time a download that hangs is ended, and leaves no debris', async (t) => {
    const { upstream, data } = await openPlace(t)
    await using arbor = await startArbor({ upstream: upstream.url, data })
    const url = await locate(arbor, 'big')
    upstream.quirks.hangAt = 1_000_000
    const reading = startReading(url)
    await reading.atLeast(1_000_000)
    await arbor.stop()
    assert.equal(await reading.whole, undefined)
    assert.deepEqual(await stagedIn(data), [])
  })
})
