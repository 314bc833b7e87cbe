import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import supertest from 'supertest'
import { A, demo, get, HTML_TYPE, JSON_TYPE, listed, pageOf, Pages, running } from './simple-server.ts'

const TEXT = 'text/html; charset=utf-8'

suite('project pages', () => {
  const types: readonly (readonly [row: string, accept: string | undefined, contentType: string])[] = [
    ['A1', `${JSON_TYPE}, ${HTML_TYPE};q=0.2, text/html;q=0.01`, JSON_TYPE],
    ['A2', 'text/html', TEXT],
    ['A3', HTML_TYPE, HTML_TYPE],
    ['A4', undefined, TEXT],
    ['A4', '', TEXT],
    ['A5', 'application/vnd.pypi.simple.latest+json', JSON_TYPE],
  ]
  for (const [row, accept, contentType] of types) {
    test(`${row}: Accept ${accept} gets ${contentType}`, async (t) => {
      const response = await get(running(t), '/simple/demo/', accept === undefined ? {} : { Accept: accept })
      assert.equal(response.status, 200)
      assert.equal(response.headers['content-type'], contentType)
      const text = response.body.toString()
      assert.ok(text.includes(`../../files/pypi/${A}/demo-1.0.zip`))
      assert.equal(text.startsWith('<!DOCTYPE html>'), contentType !== JSON_TYPE)
    })
  }

  for (const [agent, hasOldKey] of [
    ['pip/22.2.2 {}', true],
    ['pip/22.3.1 {}', false],
    ['pip/23.1.2 {}', false],
    ['pip/23.2 {}', true],
    ['uv/0.9.5', true],
  ] as const) {
    test(`B8: ${agent} is told of metadata in JSON with${hasOldKey ? '' : 'out'} the key that pip 22.3 to 23.1 fail on`, async (t) => {
      const pages = new Pages([pageOf('demo', [listed('demo-1.0-py3-none-any.whl', { coreMetadata: true })])])
      const { body, headers } = await get(running(t, pages), '/simple/demo/', {
        Accept: JSON_TYPE,
        'User-Agent': agent,
      })
      assert.equal(headers['content-type'], JSON_TYPE)
      const [file] = (JSON.parse(body.toString()) as { files: Record<string, unknown>[] }).files
      assert.equal(file?.['core-metadata'], true)
      assert.equal(file?.['dist-info-metadata'], hasOldKey || undefined)
    })
  }

  test('A9: what cannot be served is 406, and names what can', async (t) => {
    const response = await supertest(running(t)).get('/simple/demo/').set('Accept', 'application/json').expect(406)
    assert.match(response.text, /^ERR_NOT_ACCEPTABLE .*v1\+json.*v1\+html.*text\/html/)
  })

  test('A10: format comes before Accept, and an unknown one is 406', async (t) => {
    const server = running(t)
    for (const format of [
      'application/vnd.pypi.simple.v1+json',
      'application/vnd.pypi.simple.v1%2Bjson',
      'application%2Fvnd.pypi.simple.latest%2bjson',
    ]) {
      const { headers } = await get(server, `/simple/demo/?format=${format}`, { Accept: 'text/html' })
      assert.equal(headers['content-type'], JSON_TYPE)
    }
    assert.equal((await get(server, '/simple/demo/?format=xml')).status, 406)
    assert.equal((await get(server, '/simple/demo/?other=xml')).status, 200)
  })

  const redirects: readonly (readonly [row: string, path: string, location: string])[] = [
    ['A11', '/simple/Flask_Login/', '../flask-login/'],
    ['A11', '/simple/flask..login/?a=b&c', '../flask-login/?a=b&c'],
    ['A11', '/inner/simple/DEMO/', '../demo/'],
    ['A11', '/simple/fl%41sk/', '../flask/'],
    ['A12', '/simple/demo', 'demo/'],
    ['A12', '/simple/demo?a=b', 'demo/?a=b'],
    ['A12', '/simple/Flask_Login', 'flask-login/'],
    ['A12', '/inner/simple/demo', 'demo/'],
    ['A12', '/simple', 'simple/'],
    ['A12', '/inner/simple?x', 'simple/?x'],
  ]
  for (const [row, path, location] of redirects) {
    test(`${row}, A13, A19: ${path} leads to ${location}, relative, for ever`, async (t) => {
      const pages = demo()
      const server = running(t, pages)
      const response = await get(server, path)
      assert.equal(response.status, 301)
      assert.equal(response.headers.location, location)
      assert.equal(response.headers['content-length'], '0')
      assert.deepEqual(pages.asked, [])
      const target = new URL(location, `http://h${path}`)
      assert.equal((await get(server, target.pathname)).status, target.pathname === '/simple/flask/' ? 404 : 200)
    })
  }

  for (const path of [
    '/simple/a%2Fb/',
    '/simple/a%5Cb/',
    '/simple/foo%20bar/',
    '/simple/gr%C3%B6%C3%9Fe/',
    '/simple/%00/',
    '/simple/%ff/',
    '/simple/%/',
    '/simple/-/',
    '/simple/...%2f/',
    `/simple/${'a'.repeat(300)}/`,
  ]) {
    test(`A14: ${path.slice(0, 40)} is refused, and nobody is asked`, async (t) => {
      const pages = demo()
      const { status } = await get(running(t, pages), path)
      assert.ok(status === 404 || status === 400, String(status))
      assert.deepEqual(pages.asked, [])
    })
  }

  test('A14: a path that climbs reaches nothing', async (t) => {
    const server = running(t)
    for (const path of ['/simple/%2e%2e/', '/simple/../x/', '/simple/demo/..%2f..%2fetc/', '//simple/demo/']) {
      assert.equal((await get(server, path)).status, 404)
    }
  })

  test('A15: HEAD says what GET says, without a body, in every form', async (t) => {
    const server = running(t)
    for (const path of ['/simple/demo/', '/simple/', '/simple/demo']) {
      for (const Accept of [JSON_TYPE, 'text/html']) {
        for (const coding of ['identity', 'gzip']) {
          const headers = { Accept, 'Accept-Encoding': coding }
          const { headers: ofGet, ...got } = await get(server, path, headers)
          const { headers: ofHead, ...head } = await get(server, path, headers, 'HEAD')
          assert.equal(head.status, got.status)
          assert.equal(head.body.length, 0)
          assert.deepEqual({ ...ofHead, date: '' }, { ...ofGet, date: '' })
        }
      }
    }
  })

  test('an unknown project and an unknown index are 404', async (t) => {
    const pages = demo()
    const server = running(t, pages)
    for (const path of ['/simple/none/', '/inner/simple/flask-login/']) {
      const { status, body } = await get(server, path)
      assert.equal(status, 404)
      assert.match(body.toString(), /^ERR_NOT_FOUND /)
    }
    pages.asked.length = 0
    for (const path of [
      '/nowhere/simple/demo/',
      '/nowhere/simple/',
      '/IN%2FNER/simple/demo/',
      '/nowhere/simple/demo',
    ]) {
      assert.ok([400, 404].includes((await get(server, path)).status ?? 0))
    }
    assert.deepEqual(pages.asked, [])
  })

  test('A19: the same page under an index’s own name is one level deeper', async (t) => {
    const server = running(t)
    const json = { Accept: JSON_TYPE }
    const urlAt = async (path: string) => {
      const page = JSON.parse((await get(server, path, json)).body.toString()) as { files: { url: string }[] }
      return new URL(page.files[0]?.url ?? '', `https://h/sub/path${path}`).href
    }
    assert.equal(await urlAt('/simple/demo/'), `https://h/sub/path/files/pypi/${A}/demo-1.0.zip`)
    assert.equal(await urlAt('/pypi/simple/demo/'), `https://h/sub/path/files/pypi/${A}/demo-1.0.zip`)
    assert.equal(await urlAt('/inner/simple/demo/'), `https://h/sub/path/files/inner/${A}/demo-2.0.zip`)
  })

  test('a project may be called simple', async (t) => {
    const { status, body } = await get(running(t), '/simple/simple/', { Accept: JSON_TYPE })
    assert.equal(status, 200)
    assert.equal((JSON.parse(body.toString()) as { name: string }).name, 'simple')
  })

  test('A17: the list of projects in both forms', async (t) => {
    const server = running(t)
    for (const path of ['/simple/', '/pypi/simple/']) {
      const json = await get(server, path, { Accept: JSON_TYPE })
      assert.equal(json.headers['content-type'], JSON_TYPE)
      assert.deepEqual(JSON.parse(json.body.toString()), {
        meta: { 'api-version': '1.4' },
        projects: [{ name: 'Flask' }, { name: 'zope.interface' }],
      })
      assert.match((await get(server, path)).body.toString(), /<a href="zope-interface\/">zope\.interface<\/a>/)
    }
  })

  test('what the repository throws is not swallowed', async (t) => {
    const pages = demo()
    pages.findPage = () => Promise.reject(new Error('upstream is down'))
    const { status, body } = await get(running(t, pages), '/simple/demo/')
    assert.equal(status, 500)
    assert.match(body.toString(), /upstream is down/)
  })
})
