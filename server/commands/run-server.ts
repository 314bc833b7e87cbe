import { hostname } from 'node:os'
import { prepareDataFolder } from '../../storage/data-folder.ts'
import { diskIo } from '../../storage/io.ts'
import { createLayout } from '../../storage/layout.ts'
import { resolveAdminToken } from '../admin-token.ts'
import { renderBanner } from '../banner.ts'
import type { Config } from '../config.ts'
import { makeFirstRequest } from '../first-request.ts'
import { listen } from '../listen.ts'
import { logNodeWarnings, openLog } from '../log.ts'
import { logRequests } from '../request-log.ts'
import { openServer } from '../serve.ts'
import { keepYoungGenerationSmall } from '../young-generation.ts'

export interface RunOptions {
  /** Says the first lines, once requests are answered. */
  readonly print: (text: string) => void
  /** Aborted when the server has to end. */
  readonly signal: AbortSignal
}

/** `arbor serve`: runs the server until `signal`, then ends it in good order: connections first, the store last. */
export async function runServer(config: Config, { print, signal }: RunOptions): Promise<void> {
  // First, so that nothing is put into a folder of a newer format.
  await prepareDataFolder(diskIo, createLayout(config.data))
  const token = await resolveAdminToken(diskIo, config)
  const log = openLog(config.logLevel)
  logNodeWarnings(log)
  if (token.wasOpen === true) {
    log.warn({ file: token.file }, 'others could read the admin token: remove its file for a new one')
  }
  const server = await openServer({ ...config, adminToken: token.token }, log)
  let graceEndsAt = 0
  try {
    const listening = await listen(server.app, config.listen)
    await makeFirstRequest(listening.url, signal)
    listening.countFromNow(config.logRequests ? logRequests(log) : undefined)
    server.countServed(listening)
    print(renderBanner(config, { url: listening.url, tokenFile: token.file, machine: hostname() }))
    log.info({ url: listening.url }, 'listening')
    keepYoungGenerationSmall()
    await aborted(signal)
    log.info('closing')
    server.cancelJobs()
    graceEndsAt = performance.now() + config.shutdownGraceMs
    await listening.close({ graceMs: config.shutdownGraceMs })
  } finally {
    // Downloads that nobody follows any more get what is left of it: they would have to start afresh.
    await server.close({ graceMs: Math.max(0, graceEndsAt - performance.now()) })
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true })
  })
}
