import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DEFAULT_LIMITS } from '../../storage/archive/policy.ts'
import { loadGiven, mistakesOf, onlyIndex } from '../support/load-config.ts'

const INDEX = '[[index]]\nname = "a"\nurl = "http://a.example/simple/"\n'

describe('with no configuration at all', () => {
  test('it serves PyPI on loopback from the user’s cache folder', async () => {
    const config = await loadGiven()
    assert.deepEqual(config.listen, { host: '127.0.0.1', port: 3141 })
    assert.equal(config.data, '/home/me/.cache/arbor')
    assert.equal(config.adminToken, undefined)
    const { name, url, default: isDefault, credentials, freshMs, staleForMs } = onlyIndex(config)
    assert.deepEqual([name, url.href, isDefault, credentials], ['pypi', 'https://pypi.org/simple/', true, undefined])
    assert.deepEqual([freshMs, staleForMs], [300_000, 604_800_000])
    assert.equal(config.upstream.pageMaxBytes, 100 * 2 ** 20)
  })

  test('the cache folder is where the platform has it', async () => {
    assert.equal((await loadGiven({ env: { XDG_CACHE_HOME: '/fast' } })).data, '/fast/arbor')
    assert.equal((await loadGiven({ env: { XDG_CACHE_HOME: 'relative' } })).data, '/home/me/.cache/arbor')
    assert.equal((await loadGiven({ platform: 'darwin' })).data, '/home/me/Library/Caches/arbor')
    assert.match(
      (await loadGiven({ platform: 'win32', env: { LOCALAPPDATA: 'C:\\Local' } })).data,
      /^C:\\Local[\\/]arbor$/,
    )
  })
})

test('a user without a home folder has to name the data folder, and needs nothing else', async () => {
  const homeless = { homeFolder: undefined }
  assert.match((await mistakesOf(homeless)).get('ARBOR_DATA') ?? '', /no home folder/)
  assert.match((await mistakesOf({ ...homeless, flags: { data: '~/x' } })).get('data') ?? '', /no home folder/)
  assert.equal((await loadGiven({ ...homeless, env: { ARBOR_DATA: '/data' } })).data, '/data')
})

describe('precedence', () => {
  const toml = 'listen = "127.0.0.1:1"\ndata = "store"\nadmin-token = "token-of-the-file"\n'
  const env = { ARBOR_LISTEN: '127.0.0.1:2', ARBOR_DATA: 'env', ARBOR_ADMIN_TOKEN: 'token-of-env' }

  test('the file is before the defaults, its paths relative to itself', async () => {
    const config = await loadGiven({ toml })
    assert.deepEqual([config.listen.port, config.data, config.adminToken], [1, '/etc/arbor/store', 'token-of-the-file'])
  })

  test('variables are before the file, their paths relative to the working folder', async () => {
    const config = await loadGiven({ toml, env })
    assert.deepEqual([config.listen.port, config.data, config.adminToken], [2, '/somewhere/env', 'token-of-env'])
  })

  test('variables limit the store', async () => {
    const limits = { ARBOR_MAX_SIZE: '2GiB', ARBOR_MAX_FILES: '1000', ARBOR_UNUSED_FOR: '30d', ARBOR_MIN_FREE: '1GiB' }
    const { storage } = await loadGiven({ toml: '[storage]\nmax-size = "1GiB"\n', env: limits })
    const { maxBytes, maxFiles, unusedForMs, keepFreeBytes } = storage
    assert.deepEqual([maxBytes, maxFiles, unusedForMs, keepFreeBytes], [2 ** 31, 1000, 30 * 86_400_000, 2 ** 30])
    assert.match((await mistakesOf({ env: { ARBOR_MAX_FILES: 'many' } })).get('ARBOR_MAX_FILES') ?? '', /whole number/)
  })

  test('requests are logged where a flag, a variable or the file says so', async () => {
    assert.equal((await loadGiven()).logRequests, false)
    assert.equal((await loadGiven({ toml: 'log-requests = true\n' })).logRequests, true)
    const isNot = { env: { ARBOR_LOG_REQUESTS: 'false' }, toml: 'log-requests = true\n' }
    assert.equal((await loadGiven(isNot)).logRequests, false)
    assert.equal((await loadGiven({ ...isNot, flags: { logRequests: true } })).logRequests, true)
    const mistakes = await mistakesOf({ env: { ARBOR_LOG_REQUESTS: 'yes' } })
    assert.equal(mistakes.get('ARBOR_LOG_REQUESTS'), 'expected true or false, got "yes"')
    assert.match((await mistakesOf({ toml: 'log-requests = "true"\n' })).get('log-requests') ?? '', /true or false/)
  })

  test('variables limit the trees', async () => {
    const limits = { ARBOR_TREES_MAX_SIZE: '2GiB', ARBOR_TREES_MAX_ENTRIES: '5', ARBOR_TREES_THREADS: '3' }
    const { trees } = await loadGiven({ toml: '[trees]\nmax-size = "1GiB"\nmax-depth = 10\n', env: limits })
    assert.deepEqual(trees.limits, { ...DEFAULT_LIMITS, maxBytes: 2 ** 31, maxEntries: 5, maxDepth: 10 })
    assert.equal(trees.threads, 3)
    const mistakes = await mistakesOf({ env: { ARBOR_TREES_THREADS: '0', ARBOR_TREES_MAX_SIZ: '1' } })
    assert.match(mistakes.get('ARBOR_TREES_THREADS') ?? '', /whole number from 1 to 64, got "0"/)
    assert.match(mistakes.get('ARBOR_TREES_MAX_SIZ') ?? '', /ARBOR_TREES_MAX_SIZE/)
  })

  test('by default the limits of trees refuse no wheel that was ever met', async () => {
    assert.deepEqual((await loadGiven({})).trees.limits, DEFAULT_LIMITS)
  })

  test('flags are before variables', async () => {
    const config = await loadGiven({
      toml,
      env,
      flags: { listen: '127.0.0.1:3', data: '~/flag', upstream: 'http://u.example/' },
    })
    assert.deepEqual([config.listen.port, config.data], [3, '/home/me/flag'])
    assert.equal(onlyIndex(config).url.href, 'http://u.example/')
    const chosen = await loadGiven({
      env: { ARBOR_CONFIG: 'none.toml' },
      toml,
      flags: { config: '/etc/arbor/arbor.toml' },
    })
    assert.equal(chosen.listen.port, 1)
  })

  test('an empty variable is none', async () => {
    assert.equal((await loadGiven({ env: { ARBOR_LISTEN: '', ARBOR_UPSTREAM: '' } })).listen.port, 3141)
  })
})

describe('listen', () => {
  for (const [written, host, port] of [
    ['0.0.0.0:80', '0.0.0.0', 80],
    ['localhost:0', 'localhost', 0],
    ['[::1]:3141', '::1', 3141],
  ] as const) {
    test(`${written} is accepted`, async () => {
      assert.deepEqual((await loadGiven({ env: { ARBOR_LISTEN: written } })).listen, { host, port })
    })
  }
  for (const written of [
    '3141',
    ':3141',
    '127.0.0.1',
    '::1:3141',
    '[127.0.0.1]:1',
    'host:65536',
    'http://host:1',
    'a b:1',
  ]) {
    test(`${JSON.stringify(written)} is refused`, async () => {
      const mistakes = await mistakesOf({ env: { ARBOR_LISTEN: written } })
      assert.match(mistakes.get('ARBOR_LISTEN') ?? '', /expected host:port/)
    })
  }
})

describe('ARBOR_UPSTREAM', () => {
  test('is taken with and without a trailing slash; its index has a stable name', async () => {
    for (const url of ['http://127.0.0.1:8080/simple', 'http://127.0.0.1:8080/simple/']) {
      const index = onlyIndex(await loadGiven({ env: { ARBOR_UPSTREAM: url } }))
      assert.deepEqual([index.name, index.url.href], ['main', 'http://127.0.0.1:8080/simple/'])
    }
    assert.equal(onlyIndex(await loadGiven({ env: { ARBOR_UPSTREAM: 'https://pypi.org/simple' } })).name, 'pypi')
  })

  test('has its credentials taken out of the URL and unescaped', async () => {
    const index = onlyIndex(await loadGiven({ env: { ARBOR_UPSTREAM: 'https://me:p%40ss@host.example/simple/' } }))
    assert.equal(index.url.href, 'https://host.example/simple/')
    assert.deepEqual(index.credentials, { username: 'me', password: 'p@ss' })
  })

  test('replaces the URL of the default index only, and never gets its credentials', async () => {
    const config = await loadGiven({
      toml: `${INDEX}[[index]]\nname = "b"\nurl = "http://me:secret@b.example/"\ndefault = true\nfresh-for = "1h"`,
      env: { ARBOR_UPSTREAM: 'http://other.example/' },
    })
    const [a, b] = config.indexes
    assert.equal(a?.url.href, 'http://a.example/simple/')
    assert.deepEqual([b?.name, b?.url.href, b?.credentials], ['b', 'http://other.example/', undefined])
    assert.equal(b?.freshMs, 3_600_000)
  })

  for (const written of [
    'no URL',
    'ftp://host/',
    'file:///simple',
    'https://host/?a=b',
    'https://host/#a',
    'https://%zz:x@host/',
  ]) {
    test(`${JSON.stringify(written)} is refused`, async () => {
      const mistakes = await mistakesOf({ env: { ARBOR_UPSTREAM: written } })
      assert.match(mistakes.get('ARBOR_UPSTREAM') ?? '', /expected an http or https URL/)
    })
  }
})

test('variables that Kubernetes sets for services of our name are no mistake; a port that somebody set is', async () => {
  const port = 'tcp://10.0.0.1:3141'
  await loadGiven({
    env: {
      ARBOR_PORT: port,
      ARBOR_SERVICE_HOST: '10.0.0.1',
      ARBOR_SERVICE_PORT: '3141',
      ARBOR_SERVICE_PORT_HTTP: '3141',
      ARBOR_PORT_3141_TCP: port,
      ARBOR_PORT_3141_TCP_ADDR: '10.0.0.1',
      ARBOR_HEADLESS_PORT: port,
      ARBOR_HEADLESS_SERVICE_HOST: '10.0.0.2',
      ARBOR_HEADLESS_SERVICE_PORT_HTTP: '3141',
      ARBOR_HEADLESS_PORT_3141_TCP_PROTO: 'tcp',
    },
  })
  assert.deepEqual([...(await mistakesOf({ env: { ARBOR_PORT: '3141' } })).keys()], ['ARBOR_PORT'])
})
