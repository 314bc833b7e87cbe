import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { pinnedNode, repositoryFolder } from '../support/paths.ts'
import { connectRaw } from '../support/raw-http.ts'

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

class Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  readonly #text = { stdout: '', stderr: '' }

  constructor(t: TestContext, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.child = spawn(pinnedNode, args, { cwd: repositoryFolder, env, stdio: ['pipe', 'pipe', 'pipe'] })
    t.after(() => this.child.kill('SIGKILL'))
    for (const name of ['stdout', 'stderr'] as const) {
      this.child[name]?.setEncoding('utf8').on('data', (text: string) => (this.#text[name] += text))
    }
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject)
      this.child.once('close', (code, signal) => resolve({ code, signal, ...this.#text }))
    })
  }

  /** Resolves with the first group of `pattern` once it is in the output. */
  async saying(name: 'stdout' | 'stderr', pattern: RegExp): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const look = (): void => {
      const found = pattern.exec(this.#text[name])
      if (found !== null) resolve(found[1] ?? found[0])
    }
    this.child[name]?.on('data', look)
    look()
    void this.ended.then((end) => reject(new Error(`it ended: ${JSON.stringify(end)}`)))
    return promise
  }

  url(): Promise<string> {
    return this.saying('stdout', /^arbor listens on (http:\S+)\n/)
  }
}

/** Arbor on a free port with a home of its own and nothing else in its environment. */
async function startIn(t: TestContext): Promise<{
  readonly home: string
  readonly run: (args: readonly string[], env?: Readonly<Record<string, string>>, preload?: string) => Running
}> {
  const home = await mkdtemp(join(tmpdir(), 'arbor-main-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  const base = {
    HOME: home,
    USERPROFILE: home,
    LOCALAPPDATA: home,
    ARBOR_LISTEN: '127.0.0.1:0',
    ARBOR_DATA: join(home, 'data'),
  }
  return {
    home,
    run(args, env = {}, preload) {
      const hook = preload === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(preload)}`]
      return new Running(t, [...hook, 'server/start.mjs', ...args], { ...base, ...env })
    },
  }
}

suite('the process', { concurrency: 4, timeout: 60_000 }, () => {
  test('--help lists settings and commands, --version is that of package.json', async (t) => {
    const { run } = await startIn(t)
    const [help, version] = await Promise.all([run(['--help']).ended, run(['--version']).ended])
    assert.deepEqual([help.code, version.code], [0, 0])
    for (const word of ['--listen', '--data', '--upstream', '--config', 'ARBOR_LISTEN', 'serve', 'stats', 'prune']) {
      assert.ok(help.stdout.includes(word), word)
    }
    const { version: expected } = JSON.parse(await readFile(join(repositoryFolder, 'package.json'), 'utf8')) as {
      version: string
    }
    assert.equal(version.stdout, `${expected}\n`)
  })

  test('a Node that is too old, or a package that is not there, is a line that says what to do', async (t) => {
    const { run } = await startIn(t)
    const old = `Object.defineProperty(process.versions, 'node', { value: '20.1.0' })`
    const bare = `import { registerHooks } from 'node:module'
      registerHooks({ resolve: (name, context, next) => next(name === 'commander' ? 'not-there' : name, context) })`
    for (const [preload, line] of [
      [old, /^arbor: this is Node 20\.1\.0, and Arbor needs 24 or newer: .*"npm ci".*\n$/],
      [bare, /^arbor: the package not-there is not installed: run "npm ci" first\n$/],
    ] as const) {
      const { code, stderr } = await run([], {}, preload).ended
      assert.equal(code, 1)
      assert.match(stderr, line)
    }
  })

  test('it has threads for the disk beside those that wait for fsyncs, unless somebody says how many', async (t) => {
    const { run } = await startIn(t)
    const preload = `process.on('exit', () => console.log('threads: ' + process.env.UV_THREADPOOL_SIZE))`
    const [usual, given] = await Promise.all([
      run(['--version'], {}, preload).ended,
      run(['--version'], { UV_THREADPOOL_SIZE: '5' }, preload).ended,
    ])
    assert.match(usual.stdout, new RegExp(`threads: ${4 + 2 * availableParallelism()}\n`))
    assert.match(given.stdout, /threads: 5\n/)
  })

  test('what it does not understand ends it with code 2: an option, a command, a value', async (t) => {
    const { run } = await startIn(t)
    const ends = await Promise.all([['--frob'], ['stat'], ['prune', '--max-size', 'x']].map((args) => run(args).ended))
    assert.deepEqual(
      ends.map(({ code }) => code),
      [2, 2, 2],
    )
    assert.match(ends[0]?.stderr ?? '', /unknown option '--frob'/)
    assert.match(ends[1]?.stderr ?? '', /unknown command 'stat'; did you mean stats\?/)
    assert.match(ends[2]?.stderr ?? '', /Expected a size such as/)
  })

  test('mistakes in the configuration end it with code 2, all named on standard error', async (t) => {
    const { home, run } = await startIn(t)
    await writeFile(join(home, 'arbor.toml'), 'lisen = 1\n[storage]\nmax-size = "x"\n')
    const end = await run(['--upstream', 'nowhere'], { ARBOR_CONFIG: join(home, 'arbor.toml'), ARBOR_DATTA: 'x' }).ended
    assert.equal(end.code, 2)
    assert.equal(end.stdout, '')
    for (const where of ['lisen', 'storage.max-size', '--upstream', 'ARBOR_DATTA']) {
      assert.match(end.stderr, new RegExp(`^ {2}${where}: `, 'm'))
    }
    assert.deepEqual(await readdir(home), ['arbor.toml'])
  })

  test('config prints what is in force, without secrets', async (t) => {
    const { home, run } = await startIn(t)
    const env = { ARBOR_ADMIN_TOKEN: 'a-long-secret', ARBOR_UPSTREAM: 'http://me:secret@127.0.0.1:9/simple' }
    const end = await run(['config', '--json', '--listen', '127.0.0.1:77'], env).ended
    assert.equal(end.code, 0)
    assert.doesNotMatch(end.stdout, /secret/)
    const config = JSON.parse(end.stdout) as Record<string, unknown>
    assert.deepEqual([config['listen'], config['data']], ['127.0.0.1:77', join(home, 'data')])
  })

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    test(`${signal} ends it with code 0`, async (t) => {
      const { run } = await startIn(t)
      const arbor = run([])
      const url = await arbor.url()
      assert.equal((await fetch(`${url}/health`)).status, 200)
      arbor.child.kill(signal)
      const end = await arbor.ended
      assert.deepEqual([end.code, end.signal], [0, null])
      await assert.rejects(fetch(`${url}/health`))
    })
  }

  test('a second signal does not wait for what is under way', async (t) => {
    const { run } = await startIn(t)
    const arbor = run(['serve'])
    const client = await connectRaw(Number(new URL(await arbor.url()).port))
    // A request whose body never comes keeps its connection busy.
    client.socket.write('POST /admin/prune HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nAuthorization: Bearer ')
    const token = (await readFile(join((await configOf(run)).data, 'admin-token'), 'utf8')).trim()
    client.socket.write(`${token}\r\nExpect: 100-continue\r\n\r\n`)
    await client.waitFor('100 Continue')
    arbor.child.kill('SIGTERM')
    await arbor.saying('stderr', /"closing"/)
    // At once it would be taken for the first, which npm passes on as well.
    const again = setInterval(() => arbor.child.kill('SIGTERM'), 100)
    const end = await arbor.ended.finally(() => clearInterval(again))
    assert.deepEqual([end.code, end.signal], [143, null])
    await client.closed
  })

  test('a port in use and a folder that cannot be used are clear lines, with code 1', async (t) => {
    const { home, run } = await startIn(t)
    const arbor = run([])
    const { host } = new URL(await arbor.url())
    await writeFile(join(home, 'file'), '')
    await mkdir(join(home, 'odd', 'catalog.sqlite3'), { recursive: true })
    const [taken, file, folder] = await Promise.all([
      run(['--listen', host], { ARBOR_DATA: join(home, 'other') }).ended,
      run(['--data', join(home, 'file', 'data')]).ended,
      run(['--data', join(home, 'odd')]).ended,
    ])
    assert.deepEqual([taken.code, file.code, folder.code], [1, 1, 1])
    assert.match(taken.stderr, /^arbor: cannot listen on .*something listens there already.*$/m)
    assert.match(file.stderr, /^arbor: cannot use .*ENOTDIR.*ARBOR_DATA$/m)
    assert.match(folder.stderr, /^arbor: SQLite cannot open its files .*ARBOR_DATA$/m)
  })

  test('a data folder of a newer format is left as it is, with code 1', async (t) => {
    const { home, run } = await startIn(t)
    await writeFile(join(home, 'format'), 'arbor-store-999\n')
    const end = await run(['--data', home]).ended
    assert.deepEqual([end.code, await readdir(home)], [1, ['format']])
    assert.match(end.stderr, /^arbor: .*arbor-store-999/)
  })

  test('stats and prune find the server and its token by the same settings', async (t) => {
    const { run } = await startIn(t)
    const { host } = new URL(await run([]).url())
    const stats = await run(['stats', '--json', '--listen', host]).ended
    assert.equal(stats.code, 0, stats.stderr)
    assert.equal((JSON.parse(stats.stdout) as { store: { distributions: number } }).store.distributions, 0)
    const prune = await run(['prune', '--unused-for', '30d', '--listen', host]).ended
    assert.match(prune.stdout, /There is nothing to delete/)
    const refused = await run(['stats', '--listen', host], { ARBOR_ADMIN_TOKEN: 'the-wrong-token' }).ended
    assert.equal(refused.code, 1)
    assert.match(
      refused.stderr,
      /^arbor: http:\S+ has another admin token than the one that was configured .*ARBOR_ADMIN_TOKEN/,
    )
  })

  test('what a command prints is all there, however large, or its exit code says that it is not', async (t) => {
    const { home, run } = await startIn(t)
    const large = JSON.stringify({ text: 'x'.repeat(2 << 20) })
    const server = createServer((_request, response) => response.end(large))
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close().closeAllConnections())
    const { port } = server.address() as AddressInfo
    const stats = ['stats', '--json', '--server', `http://127.0.0.1:${port}/`]
    const env = { ARBOR_ADMIN_TOKEN: 'token-for-tests' }
    const end = await run(stats, env).ended
    assert.deepEqual(
      [end.code, end.stderr, end.stdout.length],
      [0, '', JSON.stringify(JSON.parse(large), undefined, 2).length + 1],
    )
    const leaving = run(stats, env)
    leaving.child.stdout?.once('data', () => leaving.child.stdout?.destroy())
    assert.deepEqual([(await leaving.ended).code, (await leaving.ended).stderr], [0, ''])
    if (process.platform !== 'linux') return
    const options = { cwd: repositoryFolder, encoding: 'utf8', env: { HOME: home } } as const
    const full = spawnSync('/bin/sh', ['-c', 'exec "$0" server/start.mjs config >/dev/full', pinnedNode], options)
    assert.equal(full.status, 1)
    assert.match(full.stderr, /^arbor: what was asked for cannot be written: ENOSPC/)
  })

  test('warm takes a list on standard input', async (t) => {
    const { run } = await startIn(t)
    const { host } = new URL(await run([]).url())
    const warming = run(['warm', '-', '--listen', host])
    warming.child.stdin?.end('demo>=1\n')
    assert.match((await warming.ended).stderr, /names nothing to fetch: demo>=1: /)
  })

  test('an error that nobody caught is logged as one line, without credentials, and ends it with code 1', async (t) => {
    const { run } = await startIn(t)
    const preload = `process.on('SIGUSR2', () => void Promise.reject(new Error('boom http://me:secret@x/')))`
    const arbor = run([], {}, preload)
    await arbor.url()
    arbor.child.kill('SIGUSR2')
    const end = await arbor.ended
    assert.equal(end.code, 1)
    const last = JSON.parse(end.stderr.trim().split('\n').at(-1) ?? '') as { level: string; err: { message: string } }
    assert.deepEqual([last.level, last.err.message], ['fatal', 'boom http://***@x/'])
  })
})

async function configOf(run: Awaited<ReturnType<typeof startIn>>['run']): Promise<{ readonly data: string }> {
  return JSON.parse((await run(['config', '--json']).ended).stdout) as { data: string }
}
