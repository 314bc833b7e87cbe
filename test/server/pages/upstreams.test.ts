import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { renderHtmlPage } from '../../../routes/render-html.ts'
import { renderJsonPage } from '../../../routes/render-json.ts'
import { parseIndexName } from '../../../storage/names.ts'
import { HOSTED_ODDITIES } from './hosted-oddities.ts'
import { ODDITIES } from './oddities.ts'
import { parse } from './sample.ts'

suite('odd upstreams, and the page that we make of each', () => {
  for (const { upstream, url, contentType, body, files, urls, links } of [...ODDITIES, ...HOSTED_ODDITIES]) {
    test(upstream, () => {
      const page = parse(body, { url, contentType })
      assert.deepEqual(page.files, files)

      const snapshot = { index: parseIndexName('up'), page }
      const json = JSON.parse([...renderJsonPage(snapshot, '../../')].join('')) as { files: { url: string }[] }
      assert.deepEqual(
        json.files.map((file) => file.url),
        urls,
      )
      const html = [...renderHtmlPage(snapshot, '../../')].join('')
      assert.equal(html.split('<a ').length - 1, links.length)
      for (const link of links) assert.ok(html.includes(`/${link}"`), `${link} in ${html}`)
    })

    test(`${upstream}: our own page reads the same`, () => {
      const page = parse(body, { url, contentType })
      const snapshot = { index: parseIndexName('up'), page }
      const ours = 'https://ours.example.org/simple/demo/'
      for (const pieces of [renderJsonPage(snapshot, '../../'), renderHtmlPage(snapshot, '../../')]) {
        const again = parse([...pieces].join(''), { url: ours })
        assert.deepEqual(
          again.files.map((file) => file.filename),
          page.files.map((file) => file.filename),
        )
        assert.deepEqual(
          again.files.map((file) => file.requiresPython),
          page.files.map((file) => file.requiresPython),
        )
      }
    })
  }
})
