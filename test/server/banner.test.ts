import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderBanner } from '../../server/banner.ts'
import { loadGiven } from '../support/load-config.ts'

async function render(url: string, options: { toml?: string; tokenFile?: string } = {}): Promise<string> {
  return renderBanner(await loadGiven({ toml: options.toml ?? '' }), {
    url,
    tokenFile: options.tokenFile,
    machine: 'box',
  })
}

test('the first line says where it listens, and nothing else', async () => {
  assert.equal((await render('http://127.0.0.1:40001')).split('\n')[0], 'arbor listens on http://127.0.0.1:40001')
})

test('it names the upstream in full, the data folder, and where the token is', async () => {
  const text = await render('http://127.0.0.1:3141', { tokenFile: '/home/me/.cache/arbor/admin-token' })
  assert.match(text, /fronts +https:\/\/pypi\.org\/simple\/ as "pypi"\n/)
  assert.match(text, /stores +in \/home\/me\/\.cache\/arbor\n/)
  assert.match(text, /admin +token in \/home\/me\/\.cache\/arbor\/admin-token\n/)
  assert.match(await render('http://127.0.0.1:3141'), /admin +token as configured\n/)
})

test('each of several upstreams is named, without credentials, and the default is marked', async () => {
  const toml = `[[index]]\nname = "a"\nurl = "https://me:secret@a.example/"\n[[index]]\nname = "b"\nurl = "https://b.example/"\ndefault = true\n`
  const text = await render('http://127.0.0.1:3141', { toml })
  assert.match(text, /fronts +https:\/\/a\.example\/ as "a"\n +fronts +https:\/\/b\.example\/ as "b", the default\n/)
  assert.doesNotMatch(text, /secret/)
})

test('what joins several indexes is named after them, and may be the default', async () => {
  const toml = `[[index]]\nname = "a"\nurl = "https://a.example/"\n[[index]]\nname = "b"\nurl = "https://b.example/"\n[[virtual]]\nname = "all"\nindexes = ["a", "b"]\ndefault = true\n`
  const text = await render('http://127.0.0.1:3141', { toml })
  assert.match(text, /\/ as "a"\n +fronts .+ as "b"\n +joins +a, b as "all", the default\n/)
})

test('on loopback pip needs no further option', async () => {
  for (const base of ['http://127.0.0.1:3141', 'http://[::1]:3141', 'http://localhost:3141']) {
    const text = await render(base)
    assert.ok(text.includes(`\n  pip install --index-url ${base}/simple/ rich\n`), text)
    assert.ok(text.includes(`\n  uv pip install --index-url ${base}/simple/ rich\n`), text)
    assert.ok(text.includes(`\n  curl ${base}/wheels/sha256:`), text)
  }
})

test('elsewhere pip has to trust the host', async () => {
  const text = await render('http://10.0.0.5:3141')
  assert.ok(text.includes('pip install --index-url http://10.0.0.5:3141/simple/ --trusted-host 10.0.0.5 rich\n'), text)
})

test('on all addresses there is a command for here and one for other machines', async () => {
  for (const base of ['http://0.0.0.0:3141', 'http://[::]:3141']) {
    const text = await render(base)
    assert.ok(text.includes('pip install --index-url http://127.0.0.1:3141/simple/ rich\n'), text)
    assert.ok(text.includes('pip install --index-url http://box:3141/simple/ --trusted-host box rich\n'), text)
  }
})
