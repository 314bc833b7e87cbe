import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderList } from '../../routes/render-list.ts'

test('a long list is rendered in turns with others', async () => {
  const items = Array.from({ length: 100_000 }, (_, n) => n)
  let hadTurn = false
  setImmediate(() => (hadTurn = true))
  const text = await renderList(items, ',', (n) => JSON.stringify({ n, name: `item ${n}`, again: [n, n, n] }))
  assert.ok(hadTurn)
  assert.equal(text, items.map((n) => JSON.stringify({ n, name: `item ${n}`, again: [n, n, n] })).join(','))
})

test('of nothing comes nothing', async () => {
  assert.equal(await renderList([], ',', String), '')
})
