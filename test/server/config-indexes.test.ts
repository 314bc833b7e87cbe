import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describeConfigAsToml } from '../../server/config/describe.ts'
import { parseNetrc } from '../../server/config/netrc.ts'
import { loadGiven, mistakesOf } from '../support/load-config.ts'

const inner = '[[index]]\nname = "inner"\nurl = "https://inner.example/simple/"\n'
const outer = '[[index]]\nname = "outer-1"\nurl = "https://outer.example/simple/"\n'
const all = '[[virtual]]\nname = "all"\ndefault = true\nindexes = ["inner", "outer-1"]\n'

test('a virtual index names its indexes in order, and may be the default', async () => {
  const config = await loadGiven({ toml: `${inner}${outer}${all}pins = { Flask_Login = "outer-1" }` })
  const [virtual] = config.virtuals
  assert.deepEqual([virtual?.default, virtual?.indexes], [true, ['inner', 'outer-1']])
  assert.deepEqual([...(virtual?.pins ?? [])], [['flask-login', 'outer-1']])
  assert.deepEqual(
    config.indexes.map((index) => index.default),
    [false, false],
  )
})

test('an upstream by flag or variable is refused where the default is virtual, and has no url to replace', async () => {
  const toml = `${inner}${outer}${all}`
  const env = { ARBOR_UPSTREAM: 'https://other.example/simple/' }
  assert.match((await mistakesOf({ toml, env })).get('ARBOR_UPSTREAM') ?? '', /that is the virtual "all": set it in/)
  const flags = { upstream: 'https://other.example/simple/' }
  assert.deepEqual([...(await mistakesOf({ toml, flags })).keys()], ['--upstream'])
})

test('with one index beside it, a default virtual index is still the only default', async () => {
  const config = await loadGiven({ toml: `${inner}[[virtual]]\nname = "v"\ndefault = true\nindexes = ["inner"]\n` })
  assert.equal(config.indexes[0]?.default, false)
})

for (const [what, toml, where] of [
  ['an index that is not there', `${inner}[[virtual]]\nname = "v"\nindexes = ["other"]`, 'virtual[0].indexes'],
  ['an index in a file without any', '[[virtual]]\nname = "v"\nindexes = ["pypi"]', 'virtual[0].indexes'],
  ['the name of an index', `${inner}[[virtual]]\nname = "inner"\nindexes = ["inner"]`, 'virtual[0].name'],
  [
    'a pin to no index of it',
    `${inner}${outer}default = true\n[[virtual]]\nname = "v"\nindexes = ["inner"]\npins = { a = "outer-1" }`,
    'virtual[0].pins.a',
  ],
  ['two defaults', `${inner}default = true\n${outer}${all}`, 'index'],
  ['no indexes', `${inner}[[virtual]]\nname = "v"\nindexes = []`, 'virtual.indexes'],
  ['token and password', `${inner}token = "t"\nusername = "u"\npassword = "p"`, 'index[0]'],
  ['a status that is no client error', `${inner}not-found-statuses = [500]`, 'index[0].not-found-statuses'],
  ['a mode that there is not', `mode = "lazy"\n${inner}`, 'mode'],
] as const) {
  test(`a mistake: ${what}`, async () => {
    const mistakes = await mistakesOf({ toml })
    assert.ok(
      [...mistakes.keys()].some(
        (key) => key.replace('[0].indexes', '.indexes') === where.replace('[0].indexes', '.indexes'),
      ),
      [...mistakes].join('; '),
    )
  })
}

test('stored-only: of the whole, or of one index', async () => {
  const toml = `stored-only = true\n${inner}default = true\n${outer}stored-only = false`
  const config = await loadGiven({ toml })
  assert.deepEqual(
    config.indexes.map(({ storedOnly }) => storedOnly),
    [true, false],
  )
  assert.match(describeConfigAsToml(config), /^stored-only = true$/m)
  assert.equal((await loadGiven({ toml: inner })).indexes[0]?.storedOnly, false)
})

test('mode: of the whole, or of one index', async () => {
  const { indexes } = await loadGiven({ toml: `mode = "offline"\n${inner}default = true\n${outer}mode = "strict"` })
  assert.deepEqual(
    indexes.map(({ mode }) => mode),
    ['offline', 'strict'],
  )
})

describe('credentials', () => {
  const netrc = 'machine outer.example login me password "from netrc"\ndefault login x password y\n'
  const readFile = (toml: string) => (path: string) =>
    Promise.resolve(path === '/etc/arbor/arbor.toml' ? toml : path === '/home/me/.netrc' ? netrc : undefined)
  const load = (toml: string, env: Record<string, string> = {}) =>
    loadGiven({ env: { ARBOR_CONFIG: '/etc/arbor/arbor.toml', ...env }, readFile: readFile(toml) })

  test('from a variable before the file before netrc, whose default is for nobody', async () => {
    const toml = `${inner}default = true\n${outer}`
    const [first, second] = (await load(toml)).indexes
    assert.equal(first?.credentials, undefined)
    assert.deepEqual(second?.credentials, { username: 'me', password: 'from netrc' })
    const [, written] = (await load(`${toml}token = "written"\n`)).indexes
    assert.deepEqual(written?.credentials, { token: 'written' })
    const env = { ARBOR_INDEX_OUTER_1_USERNAME: 'u', ARBOR_INDEX_OUTER_1_PASSWORD: 'p', ARBOR_INDEX_INNER_TOKEN: 't' }
    const [tokened, named] = (await load(`${toml}token = "written"\n`, env)).indexes
    assert.deepEqual([tokened?.credentials, named?.credentials], [{ token: 't' }, { username: 'u', password: 'p' }])
  })

  test('of an index that there is not are a mistake', async () => {
    assert.ok(
      (
        await mistakesOf({ toml: inner, env: { ARBOR_CONFIG: '/etc/arbor/arbor.toml', ARBOR_INDEX_INER_TOKEN: 't' } })
      ).has('ARBOR_INDEX_INER_TOKEN'),
    )
  })

  test('H4: that could be for several indexes are a mistake, since all of them would be told', async () => {
    const toml = [inner.replace('"inner"', '"in.ner"'), 'default = true\n', inner.replace('"inner"', '"in-ner"')].join(
      '',
    )
    await assert.rejects(load(toml, { ARBOR_INDEX_IN_NER_TOKEN: 't' }), /ARBOR_INDEX_IN_NER_TOKEN: .*in\.ner, in-ner/)
    assert.equal((await load(toml)).indexes.length, 2)
  })

  test('a token that no header can hold is named, and not shown; so are both kinds of credentials', async () => {
    // As in a Kubernetes secret that was made with echo.
    const ended = await mistakesOf({ toml: inner, env: { ARBOR_INDEX_INNER_TOKEN: 'se-cret\n' } })
    assert.match(ended.get('ARBOR_INDEX_INNER_TOKEN') ?? '', /spaces and line ends, got something else \(not shown\)$/)
    const both = await mistakesOf({
      toml: inner,
      env: { ARBOR_INDEX_INNER_TOKEN: 't', ARBOR_INDEX_INNER_USERNAME: 'u' },
    })
    assert.match(both.get('ARBOR_INDEX_INNER_TOKEN') ?? '', /got both$/)
  })

  test('are not shown', async () => {
    const config = await load(`${inner}token = "secret-token"\n`)
    assert.doesNotMatch(describeConfigAsToml(config), /secret-token/)
  })
})

test('netrc: quotes, comments, macros and several machines', () => {
  const machines = parseNetrc(`# a comment
machine A.example
  login "a b"
  password "p\\"q"
macdef init
machine evil login x password y

machine b.example password only
`)
  assert.deepEqual(
    [...machines],
    [
      ['a.example', { username: 'a b', password: 'p"q' }],
      ['b.example', { username: '', password: 'only' }],
    ],
  )
})
