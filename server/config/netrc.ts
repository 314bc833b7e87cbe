import type { BasicCredentials } from '../upstream/target.ts'

/**
 * The machines of a netrc file, by host. Its `default` is left out: it would send a password to whatever index somebody adds.
 * What is no netrc gives none.
 */
export function parseNetrc(text: string): ReadonlyMap<string, BasicCredentials> {
  // A macro reaches up to the next empty line.
  const tokens = text
    .replaceAll(/^\s*macdef\b[\s\S]*?(?:\n[^\S\n]*\n|$(?![\s\S]))/gm, '')
    .replaceAll(/^\s*#.*$/gm, '')
    .match(/"(?:[^"\\]|\\.)*"|\S+/g)
  return readTokens(tokens ?? [])
}

function readTokens(tokens: readonly string[]): ReadonlyMap<string, BasicCredentials> {
  const machines = new Map<string, BasicCredentials>()
  let host: string | undefined
  let login = ''
  for (let at = 0; at < tokens.length; at += 1) {
    const word = tokens[at]
    if (word === 'default') host = undefined
    if (word !== 'machine' && word !== 'login' && word !== 'password') continue
    const value = unquote(tokens[(at += 1)] ?? '')
    if (word === 'machine') {
      host = value.toLowerCase()
      login = ''
    } else if (word === 'login') login = value
    else if (host !== undefined && !machines.has(host)) machines.set(host, { username: login, password: value })
  }
  return machines
}

function unquote(text: string): string {
  return text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replaceAll(/\\(.)/g, '$1') : text
}
