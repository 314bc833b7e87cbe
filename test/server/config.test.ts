import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadConfig, type Config, type ConfigSources } from '../../server/config.ts'
import { describeConfig, describeConfigAsToml } from '../../server/config/describe.ts'
import { ConfigError } from '../../server/config/mistakes.ts'

interface Given extends Partial<Omit<ConfigSources, 'readFile'>> {
  /** What stands in /etc/arbor/arbor.toml, which is then the file that is configured. */
  readonly toml?: string
}

function load({ toml, env = {}, ...rest }: Given = {}): Promise<Config> {
  return loadConfig({
    env: toml === undefined ? env : { ARBOR_CONFIG: '/etc/arbor/arbor.toml', ...env },
    flags: {},
    platform: 'linux',
    homeFolder: '/home/me',
    workingFolder: '/work',
    readFile: (path) => Promise.resolve(path === '/etc/arbor/arbor.toml' ? toml : undefined),
    ...rest,
  })
}

/** `where` of each mistake, with its problem. */
async function mistakesOf(given: Given): Promise<ReadonlyMap<string, string>> {
  const error = await load(given).then(
    () => assert.fail('the configuration was accepted'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof ConfigError, String(error))
  return new Map(error.mistakes.map(({ where, problem }) => [where, problem]))
}

function onlyIndex(config: Config): Config['indexes'][number] {
  const [index] = config.indexes
  assert.ok(index !== undefined && config.indexes.length === 1)
  return index
}

const INDEX = '[[index]]\nname = "a"\nurl = "http://a.example/simple/"\n'

describe('with no configuration at all', () => {
  test('it serves PyPI on loopback from the user’s cache folder', async () => {
    const config = await load()
    assert.deepEqual(config.listen, { host: '127.0.0.1', port: 3141 })
    assert.equal(config.data, '/home/me/.cache/arbor')
    assert.equal(config.adminToken, undefined)
    const { name, url, default: isDefault, credentials, freshMs, staleForMs } = onlyIndex(config)
    assert.deepEqual([name, url.href, isDefault, credentials], ['pypi', 'https://pypi.org/simple/', true, undefined])
    assert.deepEqual([freshMs, staleForMs], [300_000, 604_800_000])
    assert.equal(config.upstream.pageMaxBytes, 100 * 2 ** 20)
  })

  test('the cache folder is where the platform has it', async () => {
    assert.equal((await load({ env: { XDG_CACHE_HOME: '/fast' } })).data, '/fast/arbor')
    assert.equal((await load({ env: { XDG_CACHE_HOME: 'relative' } })).data, '/home/me/.cache/arbor')
    assert.equal((await load({ platform: 'darwin' })).data, '/home/me/Library/Caches/arbor')
    assert.match((await load({ platform: 'win32', env: { LOCALAPPDATA: 'C:\\Local' } })).data, /^C:\\Local[\\/]arbor$/)
  })
})

describe('precedence', () => {
  const toml = 'listen = "127.0.0.1:1"\ndata = "store"\nadmin-token = "file"\n'
  const env = { ARBOR_LISTEN: '127.0.0.1:2', ARBOR_DATA: 'env', ARBOR_ADMIN_TOKEN: 'env' }

  test('the file is before the defaults, its paths relative to itself', async () => {
    const config = await load({ toml })
    assert.deepEqual([config.listen.port, config.data, config.adminToken], [1, '/etc/arbor/store', 'file'])
  })

  test('variables are before the file, their paths relative to the working folder', async () => {
    const config = await load({ toml, env })
    assert.deepEqual([config.listen.port, config.data, config.adminToken], [2, '/work/env', 'env'])
  })

  test('flags are before variables', async () => {
    const config = await load({ toml, env, flags: { listen: '127.0.0.1:3', data: '~/flag', upstream: 'http://u.example/' } })
    assert.deepEqual([config.listen.port, config.data], [3, '/home/me/flag'])
    assert.equal(onlyIndex(config).url.href, 'http://u.example/')
    const chosen = await load({ env: { ARBOR_CONFIG: 'none.toml' }, toml, flags: { config: '/etc/arbor/arbor.toml' } })
    assert.equal(chosen.listen.port, 1)
  })

  test('an empty variable is none', async () => {
    assert.equal((await load({ env: { ARBOR_LISTEN: '', ARBOR_UPSTREAM: '' } })).listen.port, 3141)
  })
})

describe('listen', () => {
  for (const [written, host, port] of [
    ['0.0.0.0:80', '0.0.0.0', 80],
    ['localhost:0', 'localhost', 0],
    ['[::1]:3141', '::1', 3141],
  ] as const) {
    test(`${written} is accepted`, async () => {
      assert.deepEqual((await load({ env: { ARBOR_LISTEN: written } })).listen, { host, port })
    })
  }
  for (const written of ['3141', ':3141', '127.0.0.1', '::1:3141', '[127.0.0.1]:1', 'host:65536', 'http://host:1', 'a b:1']) {
    test(`${JSON.stringify(written)} is refused`, async () => {
      const mistakes = await mistakesOf({ env: { ARBOR_LISTEN: written } })
      assert.match(mistakes.get('ARBOR_LISTEN') ?? '', /expected host:port/)
    })
  }
})

describe('ARBOR_UPSTREAM', () => {
  test('is taken with and without a trailing slash; its index has a stable name', async () => {
    for (const url of ['http://127.0.0.1:8080/simple', 'http://127.0.0.1:8080/simple/']) {
      const index = onlyIndex(await load({ env: { ARBOR_UPSTREAM: url } }))
      assert.deepEqual([index.name, index.url.href], ['main', 'http://127.0.0.1:8080/simple/'])
    }
    assert.equal(onlyIndex(await load({ env: { ARBOR_UPSTREAM: 'https://pypi.org/simple' } })).name, 'pypi')
  })

  test('has its credentials taken out of the URL and unescaped', async () => {
    const index = onlyIndex(await load({ env: { ARBOR_UPSTREAM: 'https://me:p%40ss@host.example/simple/' } }))
    assert.equal(index.url.href, 'https://host.example/simple/')
    assert.deepEqual(index.credentials, { username: 'me', password: 'p@ss' })
  })

  test('replaces the URL of the default index only, and never gets its credentials', async () => {
    const config = await load({
      toml: `${INDEX}[[index]]\nname = "b"\nurl = "http://me:secret@b.example/"\ndefault = true\nfresh-for = "1h"`,
      env: { ARBOR_UPSTREAM: 'http://other.example/' },
    })
    const [a, b] = config.indexes
    assert.equal(a?.url.href, 'http://a.example/simple/')
    assert.deepEqual([b?.name, b?.url.href, b?.credentials], ['b', 'http://other.example/', undefined])
    assert.equal(b?.freshMs, 3_600_000)
  })

  for (const written of ['no URL', 'ftp://host/', 'file:///simple', 'https://host/?a=b', 'https://host/#a', 'https://%zz:x@host/']) {
    test(`${JSON.stringify(written)} is refused`, async () => {
      const mistakes = await mistakesOf({ env: { ARBOR_UPSTREAM: written } })
      assert.match(mistakes.get('ARBOR_UPSTREAM') ?? '', /expected an http or https URL/)
    })
  }
})

describe('the file', () => {
  test('sizes and times are written with their units', async () => {
    const config = await load({
      toml: `
[storage]
max-size = "1.5GiB"
unused-for = "30d"
[memory]
pages = "10MB"
files = 4096
[upstream]
connect-timeout = "250ms"
headers-timeout = "2m"
retries = 0
`,
    })
    assert.deepEqual(config.storage, { maxBytes: 1.5 * 2 ** 30, unusedForMs: 30 * 86_400_000 })
    assert.deepEqual(config.memory, { pagesBytes: 10_000_000, filesBytes: 4096 })
    assert.deepEqual(
      [config.upstream.connectTimeoutMs, config.upstream.headersTimeoutMs, config.upstream.retries],
      [250, 120_000, 0],
    )
  })

  test('an index has its own credentials, freshness and file hosts', async () => {
    const index = onlyIndex(
      await load({
        toml: `${INDEX}username = "me"\npassword = "pw"\nfresh-for = "0s"\nallowed-file-hosts = ["Files.example:8443"]`,
      }),
    )
    assert.equal(index.default, true)
    assert.deepEqual(index.credentials, { username: 'me', password: 'pw' })
    assert.deepEqual([index.freshMs, index.allowedFileHosts], [0, ['files.example:8443']])
  })

  test('every mistake is named at once, with those of variables and flags', async () => {
    const mistakes = await mistakesOf({
      toml: `
listen = 3141
dta = "x"
log-level = "loud"
[[index]]
url = "x"
default = "yes"
[[index]]
name = "simple"
url = "https://x.example/"
username = "me"
fresh-for = 5
nmae = "x"
[storage]
max-size = "lots"
[memory]
pages = "0B"
[upstream]
idle-timeout = "30d"
retries = 1.5
`,
      env: { ARBOR_DATA: 'x\0', ARBOR_LISTN: 'x', ARBOR_ADMIN_TOKEN: 'two words' },
      flags: { upstream: 'x' },
    })
    assert.deepEqual(
      [...mistakes.keys()].toSorted(),
      [
        '--upstream',
        'ARBOR_ADMIN_TOKEN',
        'ARBOR_DATA',
        'ARBOR_LISTN',
        'dta',
        'index',
        'index[0].default',
        'index[0].name',
        'index[0].url',
        'index[1]',
        'index[1].fresh-for',
        'index[1].name',
        'index[1].nmae',
        'listen',
        'log-level',
        'memory.pages',
        'storage.max-size',
        'upstream.idle-timeout',
        'upstream.retries',
      ].toSorted(),
    )
    assert.match(mistakes.get('storage.max-size') ?? '', /expected a size such as "50GiB".*, got "lots"/)
    assert.equal(mistakes.get('index[0].name'), 'is missing')
    assert.match(mistakes.get('dta') ?? '', /did you mean data\?/)
    assert.match(mistakes.get('index[1].nmae') ?? '', /did you mean name\?/)
    assert.match(mistakes.get('ARBOR_LISTN') ?? '', /did you mean ARBOR_LISTEN\?/)
  })

  test('bad syntax is named with its line and column', async () => {
    const mistakes = await mistakesOf({ toml: 'listen = "x"\nadmin-token = hunter2\n' })
    const [[where = '', problem = ''] = []] = mistakes
    assert.match(where, /^\/etc\/arbor\/arbor\.toml:2:\d+$/)
    assert.doesNotMatch(problem, /hunter2|\n/)
  })

  test('a file that is not there, or cannot be read, is a mistake of what named it', async () => {
    assert.match((await mistakesOf({ env: { ARBOR_CONFIG: 'x.toml' } })).get('ARBOR_CONFIG') ?? '', /no file \/work\/x\.toml/)
    const unreadable = loadConfig({
      env: {},
      flags: { config: 'x' },
      platform: 'linux',
      homeFolder: '/',
      workingFolder: '/',
      readFile: () => Promise.reject(Object.assign(new Error('no'), { code: 'EISDIR' })),
    })
    await assert.rejects(unreadable, /--config: cannot read \/x \(EISDIR\)/)
  })

  for (const [what, toml, where] of [
    ['a table in place of tables', '[index]\nname = "a"', 'index'],
    ['no index', 'index = []', 'index'],
    ['two indexes and no default', INDEX + INDEX.replace('"a"', '"b"'), 'index'],
    ['a name that two have', `${INDEX}default = true\n${INDEX}`, 'index[1].name'],
    ['a value in place of a table', 'storage = 5', 'storage'],
    ['a password alone', `${INDEX}password = "x"`, 'index[0]'],
    ['credentials twice', `${INDEX.replace('://', '://u:p@')}username = "u"\npassword = "p"`, 'index[0]'],
    ['a path among file hosts', `${INDEX}allowed-file-hosts = ["https://x/"]`, 'index[0].allowed-file-hosts'],
  ] as const) {
    test(`${what} is a mistake`, async () => {
      assert.deepEqual([...(await mistakesOf({ toml })).keys()], [where])
    })
  }
})

test('variables that Kubernetes sets for a service of our name are no mistake; a port that somebody set is', async () => {
  const port = 'tcp://10.0.0.1:3141'
  await load({
    env: {
      ARBOR_PORT: port,
      ARBOR_SERVICE_HOST: '10.0.0.1',
      ARBOR_SERVICE_PORT: '3141',
      ARBOR_SERVICE_PORT_HTTP: '3141',
      ARBOR_PORT_3141_TCP: port,
      ARBOR_PORT_3141_TCP_ADDR: '10.0.0.1',
    },
  })
  assert.deepEqual([...(await mistakesOf({ env: { ARBOR_PORT: '3141' } })).keys()], ['ARBOR_PORT'])
})

describe('secrets', () => {
  test('are in no mistake', async () => {
    const given: Given = {
      toml: `admin-token = "sec ret"\n[[index]]\nname = "a"\nurl = "ftp://me:secret@x/"\nusername = "u"\npassword = 5`,
      env: { ARBOR_UPSTREAM: 'me:secret@host/simple', ARBOR_ADMIN_TOKEN: 'sec ret' },
    }
    const text = [...(await mistakesOf(given)).values()].join('\n')
    assert.doesNotMatch(text, /secret|sec ret|got 5/)
  })

  test('are hidden where the configuration is printed, and the rest can be read back', async () => {
    const toml = `listen = "[::1]:1"\nadmin-token = "secret"\n${INDEX.replace('://', '://me:secret@')}[storage]\nmax-size = "50GiB"\n`
    const printed = describeConfigAsToml(await load({ toml }))
    assert.doesNotMatch(printed, /secret"|me:/)
    assert.equal(printed.split('***').length, 1 + 4)
    const again = await load({ toml: printed })
    assert.deepEqual(describeConfig(again), describeConfig(await load({ toml })))
  })
})
