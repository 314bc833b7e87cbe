import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, stat, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test, type TestContext } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { type Blake3, hashBlake3 } from '../../storage/digest.ts'
import { createLayout } from '../../storage/layout.ts'
import { serveArbor } from '../support/in-process.ts'
import { ask, type Exchange } from '../support/raw-http.ts'
import { startUpstream } from '../support/upstream.ts'
import { distributionOf } from '../support/upstream/distribution.ts'
import { NO_QUIRKS } from '../support/upstream/quirks.ts'
import { makeWheel, wheelFilename, type WheelRecipe } from '../support/zip-writer.ts'

const FILES: Readonly<Record<string, Buffer>> = {
  'tree/__init__.py': Buffer.alloc(0),
  'tree/huge.txt': Buffer.from(
    Array.from({ length: 3_000_000 }, (_, index) => 65 + (((index * index * 31) >>> 9) % 20)),
  ),
  'tree/long.txt': Buffer.from('all the same line\n'.repeat(20_000)),
  'tree/noise.bin': Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * index * index * 31) >>> 9)),
  'tree/tiny.py': Buffer.from('x = 1\n'),
  'tree/größe.txt': Buffer.from('ü'.repeat(1000)),
  'tree/run': Buffer.from('#!/bin/sh\n'),
  'tree-1.0.dist-info/WHEEL': Buffer.from('Wheel-Version: 1.0\n'),
}
const recipe: WheelRecipe = { name: 'tree', version: '1.0', files: FILES, executable: ['tree/run'] }
const wheels = {
  usual: recipe,
  /** The same tree, not compressed. */
  stored: { ...recipe, tag: 'py2-none-any', method: 0 },
  /** The same files, none of them executable. */
  twin: { ...recipe, name: 'twin', files: { ...FILES }, executable: [] },
}

const upstream = await startUpstream({
  distributions: await Promise.all(
    Object.values(wheels).map((each) => distributionOf(wheelFilename(each), makeTreeWheel(each))),
  ),
})
after(() => upstream[Symbol.asyncDispose]())

/** The same files inside, whatever the wheel is called. */
function makeTreeWheel(each: WheelRecipe): Buffer {
  return makeWheel({ ...each, name: 'tree' })
}

interface Manifest {
  readonly dirhash: string
  readonly files: readonly { path: string; size: number; blake3: Blake3; executable: boolean }[]
}

/** A server that has the tree of one of the wheels. */
async function serveTree(which: keyof typeof wheels = 'usual') {
  const arbor = await serveArbor({ upstream })
  const install = async (each: keyof typeof wheels) => {
    const { path, sha256 } = await arbor.locate(wheels[each].name, wheelFilename(wheels[each]))
    await ask(arbor.url, path)
    const { headers, body } = await ask(arbor.url, `/wheels/sha256:${sha256}/tree`)
    return { sha256, root: String(headers['content-location']), manifest: JSON.parse(body.toString()) as Manifest }
  }
  return { ...arbor, install, ...(await install(which)), [Symbol.asyncDispose]: () => arbor[Symbol.asyncDispose]() }
}

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbor-trees-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

const isOnPath = (command: string): boolean =>
  (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, command)))

describe('whole trees', () => {
  // Not its mode "r|gz", which reads the first of several gzip members and takes that for all.
  const python = `import gzip, sys, tarfile
source = gzip.open(sys.stdin.buffer) if sys.argv[1] == "tar.gz" else sys.stdin.buffer
tarfile.open(fileobj=source, mode="r|").extractall(sys.argv[2])`
  for (const form of ['tar', 'tar.gz', 'tar.zst'] as const) {
    const unzstd = form === 'tar.zst' ? 'zstd -dc | ' : ''
    for (const [command, pipe] of [
      ['tar', `tar -x ${{ tar: '', 'tar.gz': '-z', 'tar.zst': '--zstd' }[form]} -C "$TO"`],
      ['bsdtar', 'bsdtar -xf - -C "$TO"'],
      ['busybox', `${unzstd}busybox tar -x ${form === 'tar.gz' ? '-z' : ''} -C "$TO"`],
      ['python3', `${unzstd}python3 -c '${python}' ${form} "$TO"`],
    ] as const) {
      const lacking = ['curl', command, ...(form === 'tar.zst' ? ['zstd'] : [])].find((each) => !isOnPath(each))
      test(`curl …${form} | ${command}`, { skip: lacking === undefined ? false : `no ${lacking}` }, async (t) => {
        await using served = await serveTree()
        const folder = await temporary(t)
        for (const [name, path] of [
          ['tree', `${served.root}.${form}`],
          ['wheel', `/wheels/sha256:${served.sha256}/tree.${form}`],
        ] as const) {
          const to = join(folder, name)
          await mkdir(to)
          await runShell(`set -o pipefail; curl -sSf "$URL" | ${pipe}`, { URL: served.url + path, TO: to })
          for (const [file, bytes] of Object.entries(FILES))
            assert.ok(bytes.equals(await readFile(join(to, file))), file)
          assert.equal((await stat(join(to, 'tree/run'))).mode & 0o111, 0o111)
          assert.equal((await stat(join(to, 'tree/tiny.py'))).mode & 0o111, 0)
        }
      })
    }
  }

  test('a tar is the same in parts, and the same out of its compressed forms', async () => {
    await using served = await serveTree()
    const { headers, body } = await ask(served.url, `${served.root}.tar`)
    assert.equal(headers['content-length'], String(body.length))
    const middle = Math.floor(body.length / 2)
    const parts = await Promise.all(
      [`bytes=0-${middle}`, `bytes=${middle + 1}-`].map((Range) =>
        ask(served.url, `${served.root}.tar`, { headers: { Range, 'If-Range': String(headers['etag']) } }),
      ),
    )
    assert.ok(Buffer.concat(parts.map((part) => part.body)).equals(body))
    assert.ok(zstdDecompressSync((await ask(served.url, `${served.root}.tar.zst`)).body).equals(body))
  })

  test('a tree as .tar.gz is that of a stored wheel', async () => {
    await using served = await serveTree()
    const ofTree = await ask(served.url, `${served.root}.tar.gz`)
    const ofWheel = await ask(served.url, `/wheels/sha256:${served.sha256}/tree.tar.gz`)
    assert.ok(ofTree.body.equals(ofWheel.body))
    assert.equal(ofTree.headers['etag'], ofWheel.headers['etag'])
  })

  test('a stored file that is gone is made again while the archive is sent', async () => {
    const huge = FILES['tree/huge.txt'] ?? Buffer.alloc(0)
    for (const form of ['tar', 'tar.zst']) {
      await using served = await serveTree()
      await unlink(createLayout(served.data).blob(hashBlake3(huge)))
      const { complete, body } = await ask(served.url, `${served.root}.${form}`)
      assert.ok(complete && (form === 'tar' ? body : zstdDecompressSync(body)).includes(huge), form)
    }
  })
})

describe('one file, in its own compression', () => {
  test('is what the wheel has, where that is shorter', async () => {
    await using served = await serveTree()
    for (const { path, size, blake3 } of served.manifest.files) {
      const url = `${served.root}/${path.split('/').map(encodeURIComponent).join('/')}`
      for (const round of [1, 2]) {
        const { headers, body } = await ask(served.url, url, { headers: { 'Accept-Encoding': 'gzip' } })
        const isCoded = headers['content-encoding'] === 'gzip'
        assert.equal(headers['content-length'], String(body.length))
        assert.equal(hashBlake3(isCoded ? gunzipSync(body) : body), blake3, `${path}, round ${round}`)
        assert.ok(isCoded ? body.length < size : body.length === size)
        if (/huge|long|größe/.test(path)) assert.ok(isCoded, path)
        if (/__init__|tiny|run|noise/.test(path)) assert.ok(!isCoded, path)
        const part = await ask(served.url, url, { headers: { 'Accept-Encoding': 'gzip', Range: 'bytes=-9' } })
        if (size > 0) assert.ok(part.body.equals(body.subarray(-9)), path)
      }
    }
  })

  test('is what it is where the wheel has it uncompressed', async () => {
    await using served = await serveTree('stored')
    const answer = await ask(served.url, `${served.root}/tree/long.txt`, { headers: { 'Accept-Encoding': 'gzip' } })
    assert.equal(answer.headers['content-encoding'], undefined)
    assert.ok(answer.body.equals(FILES['tree/long.txt'] ?? Buffer.alloc(0)))
  })

  test('is what it is where the wheel is gone', async () => {
    await using served = await serveTree()
    const lookup = JSON.parse((await ask(served.url, `/lookup/sha256:${served.sha256}`)).body.toString()) as {
      wheels: { blake3: string }[]
    }
    await unlink(createLayout(served.data).blob((lookup.wheels[0]?.blake3.slice(7) ?? '') as Blake3))
    const answer = await ask(served.url, `${served.root}/tree/long.txt`, { headers: { 'Accept-Encoding': 'gzip' } })
    assert.deepEqual([answer.status, answer.headers['content-encoding']], [200, undefined])
  })
})

test('missing: what a client has and what it gets is the whole tree, each blob once', async (t) => {
  await using served = await serveTree()
  const { files } = served.manifest
  const have = files.filter(({ path }) => /huge|tiny/.test(path)).map(({ blake3 }) => `blake3:${blake3}`)
  const body = JSON.stringify({ have })
  const answer = await ask(served.url, `${served.root}/missing`, { method: 'POST', body })
  assert.deepEqual([answer.status, answer.complete], [200, true])
  const folder = await temporary(t)
  execFileSync('tar', ['-x', '-C', folder], { input: answer.body })
  for (const { blake3, size } of files) {
    const isThere = existsSync(join(folder, 'blobs', blake3))
    assert.equal(isThere, !have.includes(`blake3:${blake3}`))
    if (isThere) assert.equal(hashBlake3(await readFile(join(folder, 'blobs', blake3))), blake3, `${size}`)
  }
})

test('by dirhash and by the id of uv, one tree is found, and two are told apart', async () => {
  await using served = await serveTree()
  const { dirhash } = served.manifest
  assert.equal((await ask(served.url, `/trees/dirhash:${dirhash}`)).status, 200)
  const twin = await served.install('twin')
  assert.equal(twin.manifest.dirhash, dirhash)
  assert.notEqual(twin.root, served.root)
  const { status, body } = await ask(served.url, `/trees/dirhash:${dirhash}`)
  const { trees } = JSON.parse(body.toString()) as { trees: string[] }
  assert.deepEqual([status, new Set(trees.map((id) => `/trees/${id}`))], [409, new Set([served.root, twin.root])])
  const found = await ask(served.url, `/lookup/dirhash:${dirhash}`)
  const { wheels: all } = JSON.parse(found.body.toString()) as { wheels: { tree: { archiveId: string } }[] }
  assert.equal(all.length, 2)
  assert.equal((await ask(served.url, `/lookup/uv:${all[0]?.tree.archiveId}`)).body.toString(), found.body.toString())
  const diff = JSON.parse(
    (await ask(served.url, `${served.root}/diff${twin.root.slice('/trees'.length)}`)).body.toString(),
  ) as {
    modeChanged: { path: string }[]
  }
  assert.deepEqual(
    diff.modeChanged.map(({ path }) => path),
    ['tree/run'],
  )
})

test('by project, what is stored of it', async () => {
  await using served = await serveTree()
  await served.install('stored')
  await served.install('twin')
  for (const [path, count] of [
    ['tree', 2],
    ['tree/1.0', 2],
    ['tree/1.0/tree-1.0-py3-none-any.whl', 1],
    ['twin', 1],
  ] as const) {
    const { status, body } = await ask(served.url, `/lookup/main/${path}`)
    const { wheels: found } = JSON.parse(body.toString()) as { wheels: { tree: { state: string } }[] }
    assert.deepEqual([status, found.length, found[0]?.tree.state], [200, count, 'unpacked'], path)
  }
})

test('respond-async: who asks for a tree while its wheel is on its way is told so at once, and gets it in the end', async (t) => {
  await using served = await serveArbor({ upstream })
  const { path, sha256 } = await served.locate('tree', wheelFilename(wheels.usual))
  upstream.quirks.bytesPerSecond = 1_000_000
  t.after(() => (upstream.quirks.bytesPerSecond = NO_QUIRKS.bytesPerSecond))
  const ask202 = (): Promise<Exchange> =>
    ask(served.url, `/wheels/sha256:${sha256}/tree`, { headers: { Prefer: 'respond-async' } })
  // Its headers are here, so the download runs.
  const download = await fetch(served.url + path)
  const answer = await ask202()
  assert.deepEqual([answer.status, answer.headers['retry-after']], [202, '1'])
  await download.arrayBuffer()
  let status = 202
  while (status === 202) ({ status } = await ask202())
  assert.equal(status, 200)
})

function runShell(script: string, env: Readonly<Record<string, string>>): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('bash', ['-c', script], { env: { ...process.env, LC_ALL: 'C.UTF-8', ...env } }, (error) =>
      error === null ? resolve() : reject(error),
    )
  })
}
