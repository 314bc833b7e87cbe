import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { startArbor } from '../support/arbor.ts'
import { findClients, type Clients } from '../support/clients.ts'
import { assertInstalledAsServed } from '../support/installed-trees.ts'
import { sharedFolder } from '../support/paths.ts'
import { openPythonForks } from '../support/python-forks.ts'
import { startUpstream } from '../support/upstream.ts'
import { PIP, Workplace } from '../support/workplace.ts'

const { clients, skip } = await findClients()
const PROCESSES = 8
const wanted = ['flask']
const wantedWheels = 7

/** Installs into a new folder. */
type Install = (place: Workplace, folder: string, index: string) => Promise<unknown>

const installers: Readonly<Record<string, Install>> = {
  uv: (place, folder, index) => {
    const { basePython } = clients as Clients
    return place.uv(['pip', 'install', '--default-index', index, '--prefix', folder, '--python', basePython, ...wanted])
  },
  pip: (place, folder, index) =>
    place.pip(['install', '-i', index, '--prefix', folder, '--ignore-installed', ...wanted]),
}

for (const [name, install] of Object.entries(installers)) {
  test(
    `${PROCESSES} processes of ${name} install at once through a cold Arbor: one upstream GET per wheel`,
    { skip },
    async () => {
      // Slow enough for all of them to want the same wheels at the same time.
      const quirks = { bytesPerSecond: 500_000, latencyMs: 20 }
      await using upstream = await startUpstream({ folders: [join(sharedFolder, 'wheels')], quirks })
      await using arbor = await startArbor({ upstream: upstream.url })
      const { python } = clients as Clients
      await using forks = await openPythonForks(python, PIP)
      await Promise.all(
        Array.from({ length: PROCESSES }, async (_, number) => {
          await using place = await Workplace.open(clients as Clients, { forks })
          const environment = join(place.folder, 'environment')
          await install(place, environment, arbor.index)
          // Once is enough to know that what is served is right; each of them has checked its hashes.
          if (number > 0) return
          const { wheels } = await assertInstalledAsServed(arbor.url, environment)
          assert.equal(wheels, wantedWheels)
        }),
      )
      const asked = upstream.requests.filter(({ path }) => path.endsWith('.whl'))
      assert.equal(asked.length, wantedWheels)
      assert.equal(new Set(asked.map(({ path }) => path)).size, wantedWheels)
      const { downloads } = (await arbor.stats()) as { downloads: unknown }
      assert.deepEqual(downloads, { running: 0, spools: [], resumed: 0, notKept: 0, failed: {} })
    },
  )
}
