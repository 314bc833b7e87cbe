import { type Filename, normalizeProjectName } from './names.ts'

/**
 * The path of a wheel's METADATA, given the paths of its files. Undefined where there is none that all installers agree on: the
 * wheel has several `.dist-info` folders, or one of another project, or no METADATA in it (F5).
 */
export function findMetadataPath(wheel: Filename, paths: Iterable<string>): string | undefined {
  const folders = new Set<string>()
  let hasMetadata = false
  for (const path of paths) {
    const folder = /^([^/]+\.dist-info)\/(.*)$/s.exec(path)
    if (folder?.[1] === undefined) continue
    folders.add(folder[1])
    hasMetadata ||= folder[2] === 'METADATA'
  }
  const [folder, ...others] = folders
  if (folder === undefined || others.length > 0 || !hasMetadata) return undefined
  return nameIn(folder) === nameIn(wheel) ? `${folder}/METADATA` : undefined
}

/**
 * Is this core metadata of that wheel's project? A page that asks somebody to log in, or says sorry with status 200, is not. For what no digest
 * vouches for.
 */
export function isMetadataOf(wheel: Filename, content: Uint8Array): boolean {
  // A description in the body may have such lines, too.
  const [headers = ''] = Buffer.from(content)
    .toString('utf8')
    .split(/\r?\n\r?\n/, 1)
  const name = /^Name:[ \t]*(\S+)[ \t]*$/im.exec(headers)?.[1]
  return name !== undefined && normalizeProjectName(name) === nameIn(wheel)
}

/** PEP 427: what precedes the first "-" is the name, in any spelling. */
function nameIn(text: string): string {
  return normalizeProjectName(text.split('-', 1)[0] ?? '')
}
