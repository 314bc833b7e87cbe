import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { describeFailure } from '../../server/commands/start-error.ts'
import { findAdminToken, resolveAdminToken } from '../../server/admin-token.ts'
import { diskIo, type Io } from '../../storage/io.ts'

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-token-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

test('without one a token is made, for its owner only, and found again', async (t) => {
  const data = await temporaryFolder(t)
  const config = { data, adminToken: undefined }
  assert.equal(await findAdminToken(diskIo, config), undefined)
  const made = await resolveAdminToken(diskIo, config)
  assert.match(made.token, /^[0-9a-f]{64}$/)
  assert.equal(made.file, join(data, 'admin-token'))
  assert.equal(await readFile(made.file, 'utf8'), `${made.token}\n`)
  if (process.platform !== 'win32') assert.equal((await stat(made.file)).mode & 0o777, 0o600)
  assert.deepEqual(await resolveAdminToken(diskIo, config), made)
  assert.deepEqual(await findAdminToken(diskIo, config), made)
  assert.deepEqual(await readdir(data), ['admin-token'])
})

test('two servers that start at once on a new folder have one token', async (t) => {
  const data = await temporaryFolder(t)
  const config = { data, adminToken: undefined }
  const naming = Promise.withResolvers<void>()
  const goingOn = Promise.withResolvers<void>()
  // Found none, has written its own, and is held up right before that gets its name.
  const slow: Io = {
    ...diskIo,
    async nameIfFree(from, to) {
      naming.resolve()
      await goingOn.promise
      return diskIo.nameIfFree(from, to)
    },
  }
  const later = resolveAdminToken(slow, config)
  await naming.promise
  const first = await resolveAdminToken(diskIo, config)
  goingOn.resolve()
  assert.deepEqual(await later, first)
  assert.deepEqual(await findAdminToken(diskIo, config), first)
  assert.deepEqual(await readdir(data), ['admin-token'])
})

test('a configured token is used, and nothing is written', async (t) => {
  const data = await temporaryFolder(t)
  assert.deepEqual(await resolveAdminToken(diskIo, { data, adminToken: 'mine-for-tests' }), {
    token: 'mine-for-tests',
    file: undefined,
  })
  assert.deepEqual(await readdir(data), [])
})

test('a token that others can read is closed to them, and said to have been open', async (t) => {
  if (process.platform === 'win32') return t.skip('there are no such modes')
  const data = await temporaryFolder(t)
  const config = { data, adminToken: undefined }
  const { file = '', token } = await resolveAdminToken(diskIo, config)
  await chmod(file, 0o644)
  assert.deepEqual(await resolveAdminToken(diskIo, config), { file, token, wasOpen: true })
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.deepEqual(await resolveAdminToken(diskIo, config), { file, token })
  await chmod(file, 0o640)
  const stubborn: Io = { ...diskIo, makePrivate: () => Promise.reject(new Error('EPERM')) }
  assert.deepEqual(await resolveAdminToken(stubborn, config), { file, token, wasOpen: true })
})

test('its mode is the same whatever the umask is', async (t) => {
  if (process.platform === 'win32') return t.skip('there are no such modes')
  const data = await temporaryFolder(t)
  const before = process.umask(0)
  t.after(() => process.umask(before))
  const { file = '' } = await resolveAdminToken(diskIo, { data, adminToken: undefined })
  assert.equal((await stat(file)).mode & 0o777, 0o600)
})

test('a damaged token file is named, not shown', async (t) => {
  const data = await temporaryFolder(t)
  for (const content of ['', 'two words\n', 'two-short\n']) {
    await writeFile(join(data, 'admin-token'), content)
    const failing = resolveAdminToken(diskIo, { data, adminToken: undefined })
    await assert.rejects(
      failing,
      (error: Error) => /admin-token: .*remove it/.test(error.message) && !/two/.test(error.message),
    )
  }
})

test('a folder in its place is named: Docker makes one of a mounted file that is not there', async (t) => {
  if (process.platform === 'win32') return t.skip('a folder cannot be opened there')
  const data = await temporaryFolder(t)
  const path = join(data, 'admin-token')
  await mkdir(path)
  const error: unknown = await findAdminToken(diskIo, { data, adminToken: undefined }).catch(
    (thrown: unknown) => thrown,
  )
  assert.match(describeFailure(error).message, /^cannot use \/.*admin-token: there is a folder .*EISDIR/)
})

test('where it cannot be saved, the error comes through and nothing is left', async (t) => {
  const data = await temporaryFolder(t)
  const full: Io = { ...diskIo, nameIfFree: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })) }
  await assert.rejects(resolveAdminToken(full, { data, adminToken: undefined }), { code: 'ENOSPC' })
  assert.deepEqual(await readdir(data), [])
})
