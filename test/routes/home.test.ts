import assert from 'node:assert/strict'
import { test } from 'node:test'
import request from 'supertest'
import { ask } from '../support/raw-http.ts'
import { serveMemory } from '../support/routes-fixture.ts'

test('GET / tells a script what to try, under the name that it asked for', async () => {
  await using served = await serveMemory()
  const { body } = await request(served.server).get('/').set('Host', 'arbor.example:8080').expect(200)
  const { index, try: commands } = body as { index: string; try: string[] }
  assert.equal(index, 'http://arbor.example:8080/simple/')
  assert.ok(commands.some((command) => command === `pip install --index-url ${index} flask`))
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

test('A19: GET / behind a TLS terminator writes the public base', async () => {
  await using served = await serveMemory({ publicUrl: 'https://pypi.example/arbor/' })
  const { body } = await request(served.server).get('/').expect(200)
  assert.equal((body as { index: string }).index, 'https://pypi.example/arbor/simple/')
})

test('GET /health answers, and HEAD', async () => {
  await using served = await serveMemory()
  await request(served.server).get('/health').expect(200, { status: 'ok' }).expect('Cache-Control', 'no-store')
  await request(served.server).head('/health').expect(200).expect('Content-Length', '16')
})
