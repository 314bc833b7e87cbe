import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openProxy, openUpstream } from '../contract/protocol/proxy.ts'

test('uptime is how long the server has run, also where the clock is set', async (t) => {
  const now = Date.now()
  t.mock.timers.enable({ apis: ['Date'], now })
  const arbor = await openProxy(t, { main: await openUpstream(t, []) })
  for (const hours of [-1, 5]) {
    t.mock.timers.setTime(now + hours * 3_600_000)
    const uptime = Number((await arbor.stats())['uptime'])
    assert.ok(uptime >= 0 && uptime < 60, `${uptime}`)
  }
})
