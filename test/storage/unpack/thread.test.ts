import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import { MainLine } from '../../../storage/unpack/main-line.ts'
import { helpInThread } from '../../../storage/unpack/thread.ts'

/** Else who waits in vain waits for ever. */
const limits = { timeout: 10_000 }

test(
  'a second thread for which there is no memory leaves the line, on which the first one waits',
  limits,
  async (t) => {
    t.mock.method(WebAssembly, 'Memory', function fail() {
      throw new RangeError('could not allocate memory')
    })
    const [main, line] = [new MessageChannel(), new MessageChannel()]
    const gone = once(line.port1, 'close')
    const job = { wheelPath: 'wheel', staging: 'staged', port: main.port2, leader: line.port2 }
    await assert.rejects(helpInThread(job), { message: 'could not allocate memory' })
    await gone
  },
)

test('a second thread that comes when the first one was stopped is sent away', limits, async () => {
  const [main, line] = [new MessageChannel(), new MessageChannel()]
  const gone = once(line.port2, 'close')
  const first = new MainLine(main.port2)
  const asked = assert.rejects(first.findHelper())
  main.port1.postMessage({ kind: 'stop' })
  main.port1.postMessage({ kind: 'helper', port: line.port1 }, [line.port1])
  await asked
  await gone
  first.close()
})
