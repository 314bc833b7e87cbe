import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listOffered } from '../../server/offered-indexes.ts'
import { loadGiven } from '../support/load-config.ts'

test('indexes are offered with hosts, not URLs, which may have a secret in their path; virtual ones come first', async () => {
  const toml = `
    [[index]]
    name = "internal"
    url = "https://me:secret@internal.example:8443/a-secret-token/simple/"
    [[index]]
    name = "pypi"
    url = "https://pypi.example/simple/"
    [[virtual]]
    name = "all"
    default = true
    indexes = ["internal", "pypi"]`
  assert.deepEqual(listOffered(await loadGiven({ toml })), [
    { name: 'all', default: true, from: ['internal', 'pypi'] },
    { name: 'internal', default: false, from: ['internal.example:8443'] },
    { name: 'pypi', default: false, from: ['pypi.example'] },
  ])
})
