import assert from 'node:assert/strict'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Arbor, startArbor } from '../support/arbor.ts'
import { findClients, type Clients } from '../support/clients.ts'
import { startUpstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { Workplace } from '../support/workplace.ts'
import { makeWheel, wheelFilename } from '../support/zip-writer.ts'

const { clients, skip } = await findClients()

test('offline with stored-only, pip and uv take the newest version that is stored', { skip }, async () => {
  const wheels = ['1.0', '1.1', '2.0'].map((version) => {
    const recipe = { name: 'tool', version, files: { 'tool.py': `print("${version}")\n` } }
    return distributionOf(wheelFilename(recipe), makeWheel(recipe))
  })
  await using upstream = await startUpstream({ distributions: await Promise.all(wheels) })
  await using folder = await mkdtempDisposable(join(tmpdir(), 'arbor-stored-only-'))
  const data = join(folder.path, 'data')
  {
    await using arbor = await startArbor({ upstream: upstream.url, data })
    await warm(arbor.url, 'tool==1.0\ntool==1.1\n')
  }
  await upstream.stop()
  const config = join(folder.path, 'arbor.toml')
  const index = `[[index]]\nname = "main"\nurl = "${upstream.url}"\n`
  await writeFile(config, `mode = "offline"\nstored-only = true\n${index}`)
  await using arbor = await startArbor({ upstream: upstream.url, data, env: { ARBOR_CONFIG: config } })
  await using place = await Workplace.open(clients as Clients)
  const { uv, basePython } = clients as Clients
  await place.pip(['install', '-i', arbor.index, '--target', 'by-pip', 'tool'])
  await place.run(uv, ['pip', 'install', '--default-index', arbor.index, '--target', 'by-uv', '-p', basePython, 'tool'])
  for (const site of ['by-pip', 'by-uv']) {
    assert.equal(await place.run(basePython, [join(place.project, site, 'tool.py')]), '1.1\n')
  }
})

async function warm(url: string, requirements: string): Promise<void> {
  const headers = { authorization: `Bearer ${Arbor.adminToken}`, accept: 'text/event-stream' }
  const started = await fetch(`${url}/admin/warm`, { method: 'POST', headers, body: requirements })
  const { id } = (await started.json()) as { id: string }
  // It ends with the job.
  const events = await (await fetch(`${url}/admin/jobs/${id}`, { headers })).text()
  assert.match(events, /"state":"done"/)
}
