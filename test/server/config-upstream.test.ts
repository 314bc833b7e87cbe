import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { describeConfig, describeConfigAsToml } from '../../server/config/describe.ts'
import { type GivenSettings, loadGiven, mistakesOf, onlyIndex } from '../support/load-config.ts'
import { repositoryFolder } from '../support/paths.ts'

const authority = await readFile(join(repositoryFolder, 'test/support/tls/authority.pem'), 'utf8')
const INDEX = '[[index]]\nname = "a"\nurl = "http://a.example/simple/"\n'

/** A machine on which these files are, too. */
function withFiles(files: Readonly<Record<string, string>>, given: GivenSettings): GivenSettings {
  const { toml, env = {} } = given
  const readGiven = (path: string): Promise<string | undefined> =>
    Promise.resolve(path === '/etc/arbor/arbor.toml' ? toml : files[path])
  return {
    ...given,
    env: toml === undefined ? env : { ARBOR_CONFIG: '/etc/arbor/arbor.toml', ...env },
    readFile: readGiven,
  }
}

describe('ca-file', () => {
  test('is read, relative to the file that names it', async () => {
    const given = withFiles({ '/etc/arbor/ca.pem': authority }, { toml: '[upstream]\nca-file = "ca.pem"' })
    const { upstream } = await loadGiven(given)
    assert.deepEqual([upstream.caFile, upstream.ca], ['/etc/arbor/ca.pem', authority])
  })

  test('may be named by ARBOR_CA_FILE, which is before the file, and is relative to the working folder', async () => {
    const given = { toml: '[upstream]\nca-file = "other.pem"', env: { ARBOR_CA_FILE: 'ca.pem' } }
    const { upstream } = await loadGiven(withFiles({ '/somewhere/ca.pem': authority }, given))
    assert.equal(upstream.caFile, '/somewhere/ca.pem')
  })

  test('may hold several, with remarks, and a key, which is left where it is', async () => {
    const text = `the first\n${authority}the second\n${authority}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n`
    const { upstream } = await loadGiven(withFiles({ '/ca.pem': text }, { env: { ARBOR_CA_FILE: '/ca.pem' } }))
    assert.equal(upstream.ca, authority + authority)
  })

  test('is printed by its path', async () => {
    const config = await loadGiven(withFiles({ '/ca.pem': authority }, { env: { ARBOR_CA_FILE: '/ca.pem' } }))
    const { upstream } = describeConfig(config) as { upstream: Record<string, unknown> }
    assert.equal(upstream['ca-file'], '/ca.pem')
    assert.ok(!('ca-file' in (describeConfig(await loadGiven()) as { upstream: object }).upstream))
    assert.ok(!JSON.stringify(describeConfig(config)).includes('CERTIFICATE'))
  })

  for (const [what, text, problem] of [
    ['a file that is not there', undefined, 'there is no file /ca.pem'],
    ['an empty file', '', '/ca.pem holds no certificate in PEM'],
    ['a file in DER', '0\x82\x01', '/ca.pem holds no certificate in PEM'],
    ['a broken certificate', authority.replace('MII', '!!!'), 'certificate 1 in /ca.pem cannot be read'],
    ['a broken second one', authority + authority.replace('MII', 'AAA'), 'certificate 2 in /ca.pem cannot be read'],
  ] as const) {
    test(`${what} ends the start, with the setting that names it`, async () => {
      const files = text === undefined ? {} : { '/ca.pem': text }
      for (const [given, where] of [
        [{ env: { ARBOR_CA_FILE: '/ca.pem' } }, 'ARBOR_CA_FILE'],
        [{ toml: '[upstream]\nca-file = "/ca.pem"' }, 'upstream.ca-file'],
      ] as const) {
        assert.deepEqual([...(await mistakesOf(withFiles(files, given)))], [[where, problem]])
      }
    })
  }

  test('a file that may not be read ends the start', async () => {
    const given = {
      env: { ARBOR_CA_FILE: '/ca.pem' },
      readFile: () => Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' })),
    } as unknown as GivenSettings
    assert.deepEqual([...(await mistakesOf(given))], [['ARBOR_CA_FILE', 'cannot read /ca.pem (EACCES)']])
  })
})

describe('contact', () => {
  test('is a mail address or a URL, of the file or of ARBOR_CONTACT, which is before it, and is printed', async () => {
    assert.equal((await loadGiven()).upstream.contact, undefined)
    const toml = '[upstream]\ncontact = "index-admin+arbor@example.org"'
    const config = await loadGiven({ toml })
    assert.equal(config.upstream.contact, 'index-admin+arbor@example.org')
    assert.match(describeConfigAsToml(config), /^contact = "index-admin\+arbor@example\.org"$/m)
    const env = { ARBOR_CONTACT: 'https://example.org/mirror?who=arbor' }
    assert.equal((await loadGiven({ toml, env })).upstream.contact, env.ARBOR_CONTACT)
  })

  for (const written of [
    'me',
    'me@example.org (Me)',
    'me@example.org)',
    'me@example.org\\',
    'me @example.org',
    'me@example.org\r\nX: y',
    'mé@example.org',
    'a@b@example.org',
    'ftp://example.org/',
    'https://',
    `${'m'.repeat(200)}@example.org`,
    `https://example.org/${'x'.repeat(200)}`,
  ]) {
    test(`${JSON.stringify(written).slice(0, 40)} is none`, async () => {
      const mistakes = await mistakesOf({ env: { ARBOR_CONTACT: written } })
      assert.match(mistakes.get('ARBOR_CONTACT') ?? '', /^expected a mail address or an http\(s\) URL: .*, got "/)
    })
  }

  test('with a password is none, which is not shown', async () => {
    const mistakes = await mistakesOf({ toml: '[upstream]\ncontact = "https://me:hunter2@example.org/"' })
    assert.match(mistakes.get('upstream.contact') ?? '', /got "https:\/\/\*\*\*@example\.org\/"$/)
  })
})

test('upload-times are those that upstream lists, unless an index says otherwise', async () => {
  assert.equal(onlyIndex(await loadGiven()).uploadTimes, 'listed')
  const toml = `${INDEX}upload-times = "last-modified"`
  assert.equal(onlyIndex(await loadGiven({ toml })).uploadTimes, 'last-modified')
  const mistakes = await mistakesOf({ toml: `${INDEX}upload-times = "guess"` })
  assert.match(mistakes.get('index[0].upload-times') ?? '', /expected one of listed, last-modified, got "guess"/)
})
