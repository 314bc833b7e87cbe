import { parseSha256, type Sha256 } from './digest.ts'
import { MalformedError } from './errors.ts'
import { parseProjectName, type ProjectName } from './names.ts'

/** What prune leaves alone: a project, one version of it, or one distribution. Written `name`, `name==version`, `sha256:<hex>`. */
export type Pin =
  | { readonly kind: 'project'; readonly project: ProjectName }
  | { readonly kind: 'version'; readonly project: ProjectName; readonly version: string }
  | { readonly kind: 'digest'; readonly sha256: Sha256 }

/** Throws {@link MalformedError}. */
export function parsePin(text: string): Pin {
  const digest = /^sha256:(.*)$/s.exec(text)?.[1]
  if (digest !== undefined) return { kind: 'digest', sha256: parseSha256(digest) }
  const [name = '', version, ...rest] = text.split('==')
  if (version === undefined) return { kind: 'project', project: parseProjectName(name) }
  // What a version may be made of: https://packaging.python.org/en/latest/specifications/version-specifiers/
  if (rest.length > 0 || !/^[A-Z0-9][A-Z0-9.+!_-]{0,254}$/i.test(version)) {
    throw new MalformedError('pin', text, '"name", "name==version" or "sha256:<hex>"')
  }
  return { kind: 'version', project: parseProjectName(name), version }
}

/** As {@link parsePin} reads it. */
export function formatPin(pin: Pin): string {
  if (pin.kind === 'project') return pin.project
  return pin.kind === 'version' ? `${pin.project}==${pin.version}` : `sha256:${pin.sha256}`
}
