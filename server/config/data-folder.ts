import { isAbsolute, join, resolve } from 'node:path'
import type { Environment } from './environment.ts'

/** The user whose folders are meant. */
export interface User {
  readonly env: Environment
  readonly platform: NodeJS.Platform
  /** undefined for a user without one, as services and containers have. */
  readonly homeFolder: string | undefined
}

/**
 * `arbor` in the user's cache folder, wherever the platform has it (on Linux: XDG Base Directory Specification); undefined for a
 * user without one.
 */
export function findCacheFolder({ env, platform, homeFolder }: User): string | undefined {
  if (platform === 'win32') return below(env['LOCALAPPDATA'] ?? below(homeFolder, 'AppData', 'Local'), 'arbor')
  const xdg = env['XDG_CACHE_HOME'] ?? ''
  // XDG: a relative path is invalid and ignored.
  if (isAbsolute(xdg)) return join(xdg, 'arbor')
  return platform === 'darwin' ? below(homeFolder, 'Library', 'Caches', 'arbor') : below(homeFolder, '.cache', 'arbor')
}

/**
 * An absolute path; `~/` is the home folder, which no shell has replaced in a file or a service's environment. undefined where
 * it is meant and there is none.
 */
export function resolveFolder(base: string, path: string, { homeFolder }: User): string | undefined {
  return path === '~' || path.startsWith('~/') ? below(homeFolder, path.slice(1)) : resolve(base, path)
}

function below(folder: string | undefined, ...names: readonly string[]): string | undefined {
  return folder === undefined ? undefined : join(folder, ...names)
}
