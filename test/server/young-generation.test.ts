import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { cachedDataVersionTag } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { keepYoungGenerationSmall } from '../../server/young-generation.ts'

const TELL = `require('node:worker_threads').parentPort.postMessage(require('node:v8').cachedDataVersionTag())`

/** Changes with V8's flags: code that was compiled under another one is compiled again. */
test('threads begin under the flags that Node’s own code was compiled under', async () => {
  const original = cachedDataVersionTag()
  keepYoungGenerationSmall()
  const kept = cachedDataVersionTag()
  assert.notEqual(kept, original)

  const telling = new Worker(TELL, { eval: true })
  // Listened for from the beginning: both events may come in one turn.
  const tellingEnded = once(telling, 'exit')
  assert.deepEqual(await once(telling, 'message'), [original])
  assert.equal(cachedDataVersionTag(), kept)
  await tellingEnded

  const silent = new Worker('', { eval: true })
  const silentEnded = once(silent, 'exit')
  await once(process, 'worker')
  assert.equal(cachedDataVersionTag(), original)
  await silentEnded
  assert.equal(cachedDataVersionTag(), kept)
})
