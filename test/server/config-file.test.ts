import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadConfig } from '../../server/config.ts'
import { describeConfig, describeConfigAsToml } from '../../server/config/describe.ts'
import { loadGiven, mistakesOf, onlyIndex, type GivenSettings } from '../support/load-config.ts'

const INDEX = '[[index]]\nname = "a"\nurl = "http://a.example/simple/"\n'

describe('the file', () => {
  test('sizes and times are written with their units', async () => {
    const config = await loadGiven({
      toml: `
[storage]
max-size = "1.5GiB"
max-files = 5000000
unused-for = "30d"
min-free = "5GiB"
prune-interval = "6h"
forget-after = "1d"
[memory]
pages = "10MB"
files = "4KiB"
[upstream]
connect-timeout = "250ms"
headers-timeout = "2m"
retries = 0
`,
    })
    const { maxBytes, maxFiles, unusedForMs, keepFreeBytes, pruneIntervalMs, forgetAfterMs } = config.storage
    assert.deepEqual([maxBytes, maxFiles, keepFreeBytes], [1.5 * 2 ** 30, 5_000_000, 5 * 2 ** 30])
    assert.deepEqual([unusedForMs, pruneIntervalMs, forgetAfterMs], [30 * 86_400_000, 6 * 3_600_000, 86_400_000])
    assert.deepEqual(config.memory, { pagesBytes: 10_000_000, filesBytes: 4096 })
    assert.deepEqual(
      [config.upstream.connectTimeoutMs, config.upstream.headersTimeoutMs, config.upstream.retries],
      [250, 120_000, 0],
    )
  })

  test('an empty name for it is no name of a file', async () => {
    const mistakes = await mistakesOf({ flags: { config: '' } })
    assert.match(mistakes.get('--config') ?? '', /expected the path of a file, got ""/)
  })

  test('a size without a unit is refused: as a variable, and in the file', async () => {
    const mistakes = await mistakesOf({ toml: '[storage]\nmax-size = 50', env: { ARBOR_MIN_FREE: '50' } })
    assert.match(mistakes.get('storage.max-size') ?? '', /expected a size such as "50GiB".*, got 50$/)
    assert.match(mistakes.get('ARBOR_MIN_FREE') ?? '', /expected a size such as "50GiB".*, got "50"$/)
  })

  test('a store is scrubbed as often and as fast as is written, or never, or as fast as can be', async () => {
    assert.deepEqual(await scrubsOf(''), [30 * 86_400_000, 50 * 2 ** 20])
    assert.deepEqual(await scrubsOf('scrub-interval = "7d"\nscrub-rate = "1MB/s"'), [7 * 86_400_000, 1_000_000])
    assert.deepEqual(await scrubsOf('scrub-interval = "off"\nscrub-rate = "unlimited"'), [undefined, undefined])
    const mistakes = await mistakesOf({ toml: '[storage]\nscrub-interval = "0s"\nscrub-rate = "50MiB"' })
    assert.match(mistakes.get('storage.scrub-interval') ?? '', /or "off", got "0s"/)
    assert.match(mistakes.get('storage.scrub-rate') ?? '', /"50MiB\/s", or "unlimited", got "50MiB"/)
  })

  test('an index has its own credentials, freshness and file hosts', async () => {
    const index = onlyIndex(
      await loadGiven({
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
    assert.match(
      (await mistakesOf({ env: { ARBOR_CONFIG: 'x.toml' } })).get('ARBOR_CONFIG') ?? '',
      /no file \/somewhere\/x\.toml/,
    )
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

describe('secrets', () => {
  test('are in no mistake', async () => {
    const table = 'admin-token = "sec ret"\n[[index]]\nname = "a"\nusername = "u"\npassword = 5\n'
    for (const url of ['ftp://me:secret@x/', 'https://x/#secret', 'https://x/?secret', 'https://me:%zsecret@x/#y']) {
      const given: GivenSettings = {
        toml: `${table}url = "${url}"\nupload-url = "${url}"\nallowed-file-hosts = ["https://me:secret@x/"]\n`,
        env: { ARBOR_UPSTREAM: 'me:secret@host/simple', ARBOR_ADMIN_TOKEN: 'sec ret' },
      }
      const mistakes = await mistakesOf(given)
      assert.match(mistakes.get('index[0].url') ?? '', /, got ".*x\//)
      assert.equal(mistakes.size, 7, [...mistakes].join('; '))
      assert.doesNotMatch([...mistakes.values()].join('\n'), /secret|sec ret|got 5/)
    }
  })

  test('are hidden where the configuration is printed, and the rest can be read back', async () => {
    const toml = `listen = "[::1]:1"\nadmin-token = "a-long-secret"\n${INDEX.replace('://', '://me:secret@')}[storage]\nmax-size = "50GiB"\n`
    const printed = describeConfigAsToml(await loadGiven({ toml }))
    assert.doesNotMatch(printed, /secret"|me:/)
    assert.equal(printed.split('***').length, 1 + 4)
    const again = await loadGiven({ toml: printed.replace('admin-token = "***"', 'admin-token = "another-secret"') })
    assert.deepEqual(describeConfig(again), describeConfig(await loadGiven({ toml })))
  })
})

async function scrubsOf(toml: string): Promise<(number | undefined)[]> {
  const { scrubIntervalMs, scrubBytesPerSecond } = (await loadGiven({ toml: `[storage]\n${toml}` })).storage
  return [scrubIntervalMs, scrubBytesPerSecond]
}
