import { startArbor } from '../../support/arbor.ts'
import type { ServerKind } from './server.ts'

/** As a user runs it: no settings but where to listen, where to store, and the upstream. */
export const arbor: ServerKind = {
  name: 'arbor',
  slow: false,
  findObstacle: async () => undefined,
  async start({ upstream, folder }) {
    const running = await startArbor({ upstream, data: folder })
    return {
      name: 'arbor',
      slow: false,
      index: running.index,
      pid: running.pid,
      [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
    }
  },
}
