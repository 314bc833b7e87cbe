import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunOptions } from './benchmark.ts'
import type { RunningServer, ServerKind } from './servers/server.ts'
import { type BenchUpstream, startBenchUpstream, type UpstreamSetup } from './servers/upstream.ts'

/** An upstream with servers in front of it, all of them idle. Disposing of it ends them and removes what they stored. */
export interface Lab extends AsyncDisposable {
  readonly upstream: BenchUpstream
  readonly servers: readonly RunningServer[]
  /** For whatever else is needed. */
  readonly folder: string
  /** Who is missing, and why. */
  readonly absences: readonly string[]
}

/** Starts an upstream and, with empty stores, those of `kinds` that can run here. */
export async function openLab(kinds: readonly ServerKind[], setup: UpstreamSetup, options: RunOptions): Promise<Lab> {
  const folder = await mkdtemp(join(options.folder, 'lab-'))
  const stack = new AsyncDisposableStack()
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  try {
    const upstream = stack.use(await startBenchUpstream(setup))
    const absences: string[] = []
    const servers: RunningServer[] = []
    for (const kind of kinds) {
      options.signal.throwIfAborted()
      const obstacle = await kind.findObstacle()
      if (obstacle !== undefined) {
        absences.push(`${kind.name} is left out: ${obstacle}`)
        continue
      }
      options.say(`starting ${kind.name}`)
      const place = join(folder, kind.name)
      await mkdir(place)
      servers.push(stack.use(await kind.start({ upstream: upstream.url, folder: place })))
    }
    return { upstream, servers, folder, absences, [Symbol.asyncDispose]: () => stack.disposeAsync() }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}
