import { spawn, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Arbor, startArbor } from './arbor.ts'
import { distributionOf, type Distribution } from './upstream/distribution.ts'
import { startUpstream, type Upstream } from './upstream.ts'
import { makeWheel, wheelFilename, type WheelRecipe } from './zip-writer.ts'

/** `npm run demo`: Arbor's main job before your eyes, on loopback, in a temporary folder, with nothing left behind. */

const recipe: WheelRecipe = {
  name: 'greeter',
  version: '1.0',
  files: {
    'greeter/__init__.py': 'def greet(name):\n    return f"Hello, {name}, from a wheel that came through Arbor."\n',
    'greeter/__main__.py': 'from greeter import greet\n\nprint(greet("world"))\n',
    'greeter/words.txt': 'hello\n'.repeat(10_000),
    'greeter-1.0.data/scripts/greet': '#!/bin/sh\nexec python3 -m greeter\n',
    'greeter-1.0.dist-info/licenses/LICENSE': 'Do with it what you like.\n',
  },
  executable: ['greeter-1.0.data/scripts/greet'],
}

let steps = 0
const folder = await mkdtemp(join(tmpdir(), 'arbor-demo-'))
// Arbor runs in a process group of its own, where the terminal's Ctrl-C does not reach it.
process.once('SIGINT', () => {
  rmSync(folder, { recursive: true, force: true })
  process.exit(130)
})
try {
  await demonstrate()
  say('\nStopped; nothing is left of it. Now the real thing: npm start')
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function demonstrate(): Promise<void> {
  const wheel = await distributionOf(wheelFilename(recipe), makeWheel(recipe))
  step('An upstream index on loopback, with one wheel that was made just now')
  await using upstream = await startUpstream({ distributions: [wheel] })
  say(`${upstream.url} has ${wheel.filename}, ${wheel.size} bytes`)

  step('Arbor in front of it')
  const data = join(folder, 'data')
  await mkdir(data)
  const settings = `ARBOR_UPSTREAM=${upstream.url} ARBOR_DATA=${data} ARBOR_ADMIN_TOKEN=${Arbor.adminToken}`
  typed(`${settings} ARBOR_LISTEN=127.0.0.1:0 npm start`)
  await using arbor = await startArbor({ upstream: upstream.url, data, through: 'npm' })
  say(arbor.output.slice(arbor.output.indexOf('arbor listens')).trimEnd())

  const file = await install(arbor)
  await withoutUpstream(upstream, arbor, wheel, file)
}

/** Resolves to the URL of the wheel. */
async function install(arbor: Arbor): Promise<string> {
  step('Install through it')
  const target = '--no-cache-dir --target'
  const installers = [
    {
      tool: 'uv',
      found: has('uv') && has('python3'),
      command: `uv pip install --no-cache --target with-uv -i ${arbor.index} greeter`,
    },
    {
      tool: 'pip',
      found: has('python3', '-m', 'pip', '--version'),
      command: `python3 -m pip install -q ${target} with-pip -i ${arbor.index} greeter`,
    },
  ].filter(({ found }) => found)
  for (const { tool, command } of installers) {
    await shell(command)
    await shell(`PYTHONPATH=with-${tool} python3 -m greeter`)
  }
  const page = await fetch(`${arbor.index}greeter/`, { headers: { accept: 'application/vnd.pypi.simple.v1+json' } })
  const { files } = (await page.json()) as { files: { url: string }[] }
  const file = new URL(files[0]?.url ?? '', page.url).href
  if (installers.length === 0) {
    say('Neither uv nor pip is on the PATH: the wheel is fetched as they would.')
    await (await fetch(file)).arrayBuffer()
  }
  return file
}

async function withoutUpstream(upstream: Upstream, arbor: Arbor, wheel: Distribution, file: string): Promise<void> {
  step('The upstream goes away, and the wheel is still there')
  const asked = upstream.requests.filter(({ path }) => path.endsWith('.whl')).length
  await upstream.stop()
  say(`(It is stopped. It was asked for the wheel ${asked === 1 ? 'once' : `${asked} times`} so far.)`)
  await curl(`-sS -o ${wheel.filename} ${file}`)
  if (has('curl')) await shell(`${has('sha256sum') ? 'sha256sum' : 'shasum -a 256'} ${wheel.filename}`)

  const digest = `sha256:${wheel.sha256}`
  step('What is in the wheel, by hash: the paths, each with its size, BLAKE3 and executable bit')
  await curl(`-sS ${arbor.url}/wheels/${digest}/tree`)
  const { headers } = await fetch(`${arbor.url}/wheels/${digest}/tree`, { method: 'HEAD' })
  await curl(`-sS ${arbor.url}${headers.get('content-location')}/greeter/__main__.py`)

  step('The whole tree, unpacked without unzipping')
  await mkdir(join(folder, 'tree'))
  await curl(`-sS ${arbor.url}/wheels/${digest}/tree.tar.gz | tar -xz -C tree`)
  if (has('curl')) await shell('find tree -type f -exec ls -l {} +')

  step('What Arbor says about itself')
  await curl(`-sS -H "Authorization: Bearer ${Arbor.adminToken}" ${arbor.url}/admin/stats`)
}

function step(title: string): void {
  steps += 1
  say(`\n${steps}. ${title}`)
}

function say(text: string): void {
  console.log(text.replaceAll(/^(?=.)/gm, text.startsWith('\n') ? '' : '   '))
}

function typed(command: string): void {
  say(`$ ${command}`)
}

async function curl(args: string): Promise<void> {
  if (has('curl')) await shell(`curl ${args}`)
  else say(`(There is no curl on the PATH. It would be: curl ${args})`)
}

/** Shows a command, runs it in the demo's folder as it is written, and shows what it says; an error ends the demo. */
async function shell(command: string): Promise<void> {
  typed(command)
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: commandEnvironment(),
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (output !== '') say(layOut(output.trimEnd()))
  if (code !== 0) throw new Error(`The demo ends here: that command failed with code ${String(code)}.`)
}

/** JSON comes on one line, for programs. */
function layOut(output: string): string {
  if (!output.startsWith('{')) return output
  const indented = JSON.stringify(JSON.parse(output), undefined, 2)
  return indented.replaceAll(/\{[^{}[\]]*\}/g, (leaf) => leaf.replaceAll(/\s+/g, ' '))
}

/** Whether there is such a command, and whether it runs with `args`, if they are given. */
function has(command: string, ...args: string[]): boolean {
  const check = args.length === 0 ? `command -v ${command}` : [command, ...args].join(' ')
  return spawnSync('/bin/sh', ['-c', check], { stdio: 'ignore', env: commandEnvironment() }).status === 0
}

/** What commands run with: neither the user's own index nor a proxy is asked, and what npm put on the PATH is not found. */
function commandEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(pip|uv|npm)_/i.test(name))
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((entry) => !entry.includes('node_modules'))
  return {
    ...Object.fromEntries(kept),
    PATH: path.join(delimiter),
    NO_PROXY: '127.0.0.1',
    no_proxy: '127.0.0.1',
    PIP_CONFIG_FILE: '/dev/null',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_ROOT_USER_ACTION: 'ignore',
    UV_NO_CONFIG: '1',
    UV_PYTHON_DOWNLOADS: 'never',
    PYTHONDONTWRITEBYTECODE: '1',
  }
}
