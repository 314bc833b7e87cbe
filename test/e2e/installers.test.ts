import assert from 'node:assert/strict'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { startArbor, type Arbor } from '../support/arbor.ts'
import { findClients, type Clients } from '../support/clients.ts'
import { assertInstalledAsServed } from '../support/installed-trees.ts'
import { lockingInstallers, readLock, writeLock, writeProject, type LockingInstaller } from '../support/installers.ts'
import { sharedFolder } from '../support/paths.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { Workplace } from '../support/workplace.ts'

const { clients, skip } = await findClients()
const wheels = join(sharedFolder, 'wheels')

/** Pure and native wheels, scripts, an extra's marker; eighteen with what they need. */
const wanted = ['flask', 'rich', 'black', 'tomli']
const wantedWheels = 18

function filesAsked(upstream: Upstream): string[] {
  return upstream.requests.flatMap(({ method, path }) => (/\.(whl|gz)$/.test(path) ? [`${method} ${path}`] : []))
}

function assertEachFetchedOnce(upstream: Upstream): void {
  const fetched = filesAsked(upstream)
  assert.equal(fetched.length, wantedWheels, 'each wheel was fetched once')
  assert.equal(new Set(fetched).size, wantedWheels)
}

async function assertAllServed(arbor: Arbor, environment: string): Promise<void> {
  const compared = await assertInstalledAsServed(arbor.url, environment)
  assert.equal(compared.wheels, wantedWheels)
  assert.ok(compared.files > 700, `${compared.files} files were compared`)
}

suite('real installers through Arbor', { concurrency: 2 }, () => {
  test('pip installs, and again with the upstream gone', { skip }, async () => {
    await using upstream = await startUpstream({ folders: [wheels] })
    await using arbor = await startArbor({ upstream: upstream.url })
    await pipInstall(clients as Clients, arbor)
    assertEachFetchedOnce(upstream)
    await upstream.stop()
    await pipInstall(clients as Clients, arbor)
  })

  test('pip builds an sdist with a build backend from Arbor, also with the upstream gone', { skip }, async () => {
    await using upstream = await startUpstream({ folders: [wheels] })
    await using arbor = await startArbor({ upstream: upstream.url })
    for (const round of ['fetched', 'stored']) {
      await using place = await Workplace.open(clients as Clients)
      const environment = await place.makeEnvironment('environment')
      await place.pip(['--python', environment, 'install', '-i', arbor.index, '--no-binary', 'tomli', 'tomli'])
      const version = await place.run(join(environment, 'bin/python'), [
        '-c',
        'import tomli; print(tomli.loads("a=1"))',
      ])
      assert.equal(version, "{'a': 1}\n", round)
      await upstream.stop()
    }
    assert.ok(filesAsked(upstream).some((asked) => asked.endsWith('tomli-2.5.0.tar.gz')))
  })

  test('uv pip installs, again from the store alone, and again with the upstream gone', { skip }, async () => {
    await using upstream = await startUpstream({ folders: [wheels] })
    await using arbor = await startArbor({ upstream: upstream.url })
    for (const round of ['fetched', 'stored', 'alone']) {
      if (round === 'alone') await upstream.stop()
      await using place = await Workplace.open(clients as Clients)
      const environment = await place.makeEnvironment(round)
      await place.uv(['pip', 'install', '--default-index', arbor.index, ...wanted], environment)
      await assertAllServed(arbor, environment)
      assertEachFetchedOnce(upstream)
    }
  })

  for (const installer of lockingInstallers) {
    test(`${installer.name} locks and installs, with the upstream gone, and from a wiped Arbor`, { skip }, async () => {
      await using upstream = await startUpstream({ folders: [wheels] })
      const { lock, listen } = await lockAndInstall(clients as Clients, installer, upstream)
      await upstream.start()
      // Lock files hold URLs: what answers them is on the same port, and knows nothing.
      await using wiped = await startArbor({ upstream: upstream.url, listen })
      await installFromLock(clients as Clients, installer, wiped, lock)
    })
  }
})

async function pipInstall(installed: Clients, arbor: Arbor): Promise<void> {
  await using place = await Workplace.open(installed)
  const environment = await place.makeEnvironment('environment')
  await place.pip(['--python', environment, 'install', '--index-url', arbor.index, ...wanted])
  await assertAllServed(arbor, environment)
}

/** Leaves the upstream stopped, and no Arbor. */
async function lockAndInstall(
  installed: Clients,
  installer: LockingInstaller,
  upstream: Upstream,
): Promise<{ lock: string; listen: string }> {
  await using arbor = await startArbor({ upstream: upstream.url })
  await using place = await Workplace.open(installed)
  const environment = await place.makeEnvironment('environment')
  await writeProject(place, installer, arbor.index, wanted)
  await installer.lock(place, environment)
  const lock = await readLock(place, installer)
  await installer.install(place, environment)
  await assertAllServed(arbor, environment)
  await upstream.stop()
  await installFromLock(installed, installer, arbor, lock)
  return { lock, listen: arbor.listen }
}

async function installFromLock(
  installed: Clients,
  installer: LockingInstaller,
  arbor: Arbor,
  lock: string,
): Promise<void> {
  await using place = await Workplace.open(installed)
  const environment = await place.makeEnvironment('environment')
  await writeProject(place, installer, arbor.index, wanted)
  await writeLock(place, installer, lock)
  await installer.install(place, environment)
  assert.equal(await readLock(place, installer), lock, 'the lock file is as it was')
  await assertAllServed(arbor, environment)
}
