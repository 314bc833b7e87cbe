import type { Sha256 } from '../../storage/digest.ts'
import { findProjectName, findSha256, ListBuilder } from './list-builder.ts'
import type { WarmList } from './warm-list.ts'

/** A name with extras, one `==` (or `===`) and a version without a wildcard; markers are cut off before. */
const PINNED = /^([A-Za-z0-9][\w.-]*) ?(?:\[[^\]]*\])? ?\(? ?===? ?([\w.!+-]+) ?\)?$/

/**
 * A `requirements.txt` as pip reads it: lines that go on, comments, markers, hashes. Only `name==version` says what to fetch; markers are
 * not evaluated, since the list is for whatever machines come.
 */
export function parseRequirements(text: string): WarmList {
  const list = new ListBuilder()
  for (const line of joinLines(text)) {
    // One space for any white space, so that no expression below looks at a run of it again and again.
    const requirement = line.replace(COMMENT, '').replaceAll(/\s+/g, ' ').trim()
    if (requirement !== '') addRequirement(requirement, list)
  }
  return list.build()
}

/** The most options of one requirement: it may have a `--hash` for each of its files. */
const MAX_OPTIONS = 10_000

/** Line ends as Python's `str.splitlines` has them, but for control characters that no list contains. */
const LINE_END = /\r\n|[\n\v\f\r\u{85}\u{2028}\u{2029}]/u

/** pip's: from a `#` at the start, or after white space. */
const COMMENT = /(?:^|\s)#.*$/

/** As pip joins them: a backslash at the end goes on with the next line, but for a comment, which ends where its line does. */
function joinLines(text: string): string[] {
  const joined: string[] = []
  let open = ''
  for (const line of text.replace(/^\u{FEFF}/u, '').split(LINE_END)) {
    const isComment = COMMENT.test(line)
    if (line.endsWith('\\') && !isComment) {
      open += line.slice(0, -1)
      continue
    }
    // With a space before it, so that a comment is still one after the text that it is joined to.
    joined.push(`${open}${isComment ? ' ' : ''}${line}`)
    open = ''
  }
  return open === '' ? joined : [...joined, open]
}

function addRequirement(text: string, list: ListBuilder): void {
  if (text.startsWith('-')) return list.skip(text, 'options are not followed')
  const [specifier = '', ...options] = text.split(/ (?=--)/, MAX_OPTIONS)
  const [what = ''] = specifier.split(';', 1)
  const [, name, version] = PINNED.exec(what.trim()) ?? []
  const project = findProjectName(name)
  if (project === undefined || version === undefined) return list.skip(specifier, whyNot(what))
  const hashes = options.flatMap((option) => /^--hash[= ](\w+:.*)$/.exec(option.trim())?.[1]?.trim() ?? [])
  const sha256s = new Set(hashes.flatMap(findDigest))
  if (hashes.length > 0 && sha256s.size === 0) return list.skip(specifier, 'none of its hashes is a SHA-256')
  list.add({ kind: 'version', project, version, sha256s })
}

function findDigest(hash: string): Sha256[] {
  const [algorithm, hex] = hash.split(':', 2)
  const sha256 = algorithm === 'sha256' ? findSha256(hex) : undefined
  return sha256 === undefined ? [] : [sha256]
}

function whyNot(what: string): string {
  if (what.includes('@') || /^[a-z+]+:\/\//i.test(what) || /^[./]/.test(what))
    return 'it comes from elsewhere than an index'
  return 'it names no single version: only name==version is fetched'
}
