import { isAbsolute, join, resolve } from 'node:path'
import type { Environment } from './environment.ts'

/** `arbor` in the user's cache folder, wherever the platform has it (on Linux: XDG Base Directory Specification). */
export function defaultDataFolder(user: {
  readonly env: Environment
  readonly platform: NodeJS.Platform
  readonly homeFolder: string
}): string {
  const { env, platform, homeFolder } = user
  if (platform === 'win32') return join(env['LOCALAPPDATA'] ?? join(homeFolder, 'AppData', 'Local'), 'arbor')
  const xdg = env['XDG_CACHE_HOME'] ?? ''
  // XDG: a relative path is invalid and ignored.
  if (isAbsolute(xdg)) return join(xdg, 'arbor')
  return platform === 'darwin' ? join(homeFolder, 'Library', 'Caches', 'arbor') : join(homeFolder, '.cache', 'arbor')
}

/** An absolute path; `~/` is the home folder, which no shell has replaced in a file or a service's environment. */
export function resolveFolder(base: string, path: string, homeFolder: string): string {
  return path === '~' || path.startsWith('~/') ? join(homeFolder, path.slice(1)) : resolve(base, path)
}
