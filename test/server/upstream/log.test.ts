import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLog } from '../../../server/log.ts'
import { Upstream } from '../../../server/upstream.ts'
import { serveApp } from '../../support/serve-app.ts'
import { upstreamOptions } from '../../support/upstream-options.ts'

type Line = Readonly<Record<string, unknown>>

test('each request is told at debug: where it went, what came of it, and nothing secret', async () => {
  const lines: Line[] = []
  const write = (line: string): void => void lines.push(JSON.parse(line) as Line)
  const upstream = new Upstream({ ...upstreamOptions, log: openLog('debug', { write }) })
  const { signal } = new AbortController()
  const served = await serveApp({
    fetch(request) {
      const isSigned = new URL(request.url).search !== ''
      return isSigned ? new Response('page') : Response.redirect(`${request.url}?signature=secret`)
    },
  })
  const target = { url: `${served.url}/simple/a/`, credentials: { username: 'me', password: 'secret' } }
  await upstream.fetchPage(target, {}, signal)
  await served[Symbol.asyncDispose]()
  await assert.rejects(upstream.fetchPage(target, {}, signal))
  await upstream.close()
  const told = lines.map(({ time, ms, ...rest }) => {
    assert.ok(Number(ms) >= 0 && time !== undefined)
    return rest
  })
  const sent = { level: 'debug', host: served.url, method: 'GET', msg: 'asked upstream' }
  const reason = told.at(-1)?.['reason']
  assert.ok(String(reason).startsWith(`${served.url}/simple/a/: `), String(reason))
  assert.deepEqual(told, [
    { ...sent, path: '/simple/a/', status: 302 },
    { ...sent, path: '/simple/a/?***', status: 200 },
    { ...sent, path: '/simple/a/', reason },
  ])
  assert.doesNotMatch(JSON.stringify(lines), /secret/)
})
