import { type AppOptions, createApp } from '../../server/app.ts'
import { MemoryRepository } from './memory-repository.ts'
import { serveApp } from './serve-app.ts'

export const ADMIN_TOKEN = 'a-token-for-tests'

export interface LoggedLine {
  readonly fields: object
  readonly message: string
}

/** The whole app over a repository in memory, listening; `logged` is what it reported. */
export async function serveMemory(options: Partial<AppOptions> = {}) {
  const repository = new MemoryRepository()
  const logged: LoggedLine[] = []
  const note = (fields: object, message: string): void => void logged.push({ fields, message })
  const app = createApp({ repository, adminToken: ADMIN_TOKEN, log: { warn: note, error: note }, ...options })
  const served = await serveApp(app)
  return { ...served, repository, logged, [Symbol.asyncDispose]: served[Symbol.asyncDispose] }
}
