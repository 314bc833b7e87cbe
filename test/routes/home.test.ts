import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import request from 'supertest'
import { ask } from '../support/raw-http.ts'
import { serveMemory } from '../support/routes-fixture.ts'

test('GET / tells a script what to try, under the name that it asked for', async () => {
  await using served = await serveMemory()
  const headers = { Host: 'arbor.example:8080', Accept: 'text/html;q=0, */*' }
  const { body } = await request(served.server).get('/').set(headers).expect(200)
  const { index, try: commands } = body as { index: string; try: string[] }
  assert.equal(index, 'http://arbor.example:8080/simple/')
  assert.ok(
    commands.includes(`pip install --index-url ${index} --trusted-host arbor.example flask`),
    commands.join('\n'),
  )
})

test('GET / tells a browser the same, and nothing in the name acts as a page', async () => {
  await using served = await serveMemory()
  const { text } = await request(served.server)
    .get('/')
    .set('Accept', 'text/html,*/*;q=0.8')
    .expect(200)
    .expect('Content-Type', 'text/html; charset=utf-8')
    .expect('Vary', 'Accept')
  assert.match(text, /^<!DOCTYPE html>/)
  assert.match(text, /uv pip install --default-index http:\/\/127\.0\.0\.1:\d+\/simple\/ flask/)
  const { status, body } = await ask(served.url, '/', { headers: { Host: `"'><script>`, Accept: 'text/html' } })
  assert.equal(status, 400)
  assert.ok(!body.includes('<script>'))
})

test('GET / lists the indexes with their URLs and where they are from, to scripts and in the browser', async () => {
  const all = { name: 'all', default: true, from: ['internal', 'pypi'] }
  const pypi = { name: 'pypi', default: false, from: ['pypi.example'] }
  await using served = await serveMemory({ indexes: [all, pypi] })
  const { body } = await request(served.server).get('/').set('Host', 'arbor.example').expect(200)
  assert.deepEqual((body as { indexes: unknown }).indexes, [
    { ...all, url: 'http://arbor.example/all/simple/' },
    { ...pypi, url: 'http://arbor.example/pypi/simple/' },
  ])
  const { text } = await request(served.server).get('/').set({ Host: 'arbor.example', Accept: 'text/html' }).expect(200)
  assert.match(
    text,
    /<a href="\.\/all\/simple\/">http:\/\/arbor\.example\/all\/simple\/<\/a> \(the default\) from internal, then pypi/,
  )
})

test('GET / says how each installer is told once and for all; pip also to trust a host without TLS', async () => {
  await using served = await serveMemory()
  const settingsAt = async (headers: Record<string, string>): Promise<Record<string, string>> => {
    const { body } = await request(served.server).get('/').set(headers).expect(200)
    return (body as { settings: Record<string, string> }).settings
  }
  const plain = await settingsAt({ Host: 'arbor.example:8080' })
  assert.deepEqual(Object.keys(plain), ['pip', 'uv', 'poetry', 'pdm'])
  assert.ok(Object.values(plain).every((command) => command.includes('http://arbor.example:8080/simple/')))
  assert.match(plain['pip'] ?? '', / && pip config set global\.trusted-host arbor\.example$/)
  for (const headers of [{ Host: 'localhost:8080' }, { Host: 'arbor.example', 'X-Forwarded-Proto': 'https' }]) {
    assert.doesNotMatch((await settingsAt(headers))['pip'] ?? '', /trusted-host/)
  }
})

test('the style sheet of a page is the one that its policy allows, and both colour schemes are those of the root', async () => {
  await using served = await serveMemory()
  const { text, headers } = await request(served.server).get('/').set('Accept', 'text/html').expect(200)
  const [, style = ''] = /<style>([^]*)<\/style>/.exec(text) ?? []
  const digest = createHash('sha256').update(style).digest('base64')
  assert.ok(headers['content-security-policy']?.includes(`style-src 'sha256-${digest}'`))
  // On the body alone it would leave the page white, with the pale links of a dark one.
  assert.match(style, /:root\{color-scheme:light dark\}/)
})

test('A19: GET / behind a TLS terminator, below a path, writes the public base', async () => {
  await using served = await serveMemory()
  const indexOf = async (prefix: string): Promise<unknown> => {
    const headers = { Host: 'pypi.example', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Prefix': prefix }
    const { body } = await request(served.server).get('/').set(headers).expect(200)
    return (body as { index: string }).index
  }
  assert.equal(await indexOf('/arbor'), 'https://pypi.example/arbor/simple/')
  assert.equal(await indexOf('/to/arbor/'), 'https://pypi.example/to/arbor/simple/')
  for (const strange of ['', '/', '//evil.example', 'arbor', '/a b']) {
    assert.equal(await indexOf(strange), 'https://pypi.example/simple/', strange)
  }
})

test('the page links to the index below whatever path it is served', async () => {
  await using served = await serveMemory()
  const { text } = await request(served.server).get('/').set('Accept', 'text/html').expect(200)
  assert.match(text, /href="\.\/simple\/"/)
})

test('GET /health answers, and HEAD', async () => {
  await using served = await serveMemory()
  await request(served.server).get('/health').expect(200, { status: 'ok' }).expect('Cache-Control', 'no-store')
  await request(served.server).head('/health').expect(200).expect('Content-Length', '16')
})
