import nodeModule from 'node:module'
import os from 'node:os'
import { fileURLToPath } from 'node:url'

// Plain JavaScript, since it has to run on the Node that cannot read the rest.
const [major] = process.versions.node.split('.')
if (Number(major) < 24) {
  process.stderr.write(
    `arbor: this is Node ${process.versions.node}, and Arbor needs 24 or newer: run "npm ci" without --omit=optional, which brings one along, or install it from https://nodejs.org\n`,
  )
  process.exit(1)
}
// Half the time to start, and 30 MB less, since the types need not be stripped again. Where the folder cannot be written, nothing happens. Not
// in the folder for temporary files, as Node would: whoever can write there could have us run theirs. Threads know of it by the variable.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/arbor', import.meta.url))
nodeModule.enableCompileCache?.(process.env.NODE_COMPILE_CACHE)
// Node's threads for the disk, of which it has four: some wait for fsyncs, and what is served must not wait behind them.
process.env.UV_THREADPOOL_SIZE ??= String(4 + 2 * os.availableParallelism())
try {
  await import('./main.ts')
} catch (error) {
  const [, missing] = /^Cannot find package '([^']+)'/.exec(error?.message) ?? []
  if (missing === undefined) throw error
  process.stderr.write(`arbor: the package ${missing} is not installed: run "npm ci" first\n`)
  process.exit(1)
}
