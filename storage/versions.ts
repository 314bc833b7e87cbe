import { normalizeProjectName, type ProjectName } from './names.ts'

const SDIST_ENDING = /\.(?:tar\.(?:gz|bz2|xz|zst|z)|tgz|zip|tar)$/i

/** By the file's name: PEP 427 for wheels; an sdist's name starts with the project's, in any spelling. */
export function findVersion(filename: string, project: ProjectName): string | undefined {
  if (filename.endsWith('.whl')) return filename.split('-', 2)[1]
  if (!SDIST_ENDING.test(filename)) return undefined
  const stem = filename.replace(SDIST_ENDING, '')
  for (let dash = stem.indexOf('-'); dash !== -1; dash = stem.indexOf('-', dash + 1)) {
    if (normalizeProjectName(stem.slice(0, dash)) === project) return stem.slice(dash + 1)
  }
  return undefined
}

/** Whether both say the same version, in whatever spelling; a file name that tells none has no version. */
export function isSameVersion(found: string | undefined, wanted: string): boolean {
  return found !== undefined && versionKey(found) === versionKey(wanted)
}

/** PEP 440, appendix B, without the anchors for white space. */
const VERSION =
  /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:[+_]([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$/

const PHASES: Readonly<Record<string, string>> = { alpha: 'a', beta: 'b', c: 'rc', pre: 'rc', preview: 'rc' }

/** The same for all spellings of one version (PEP 440, "Normalization"). */
export function versionKey(text: string): string {
  const folded = text.trim().toLowerCase()
  const match = VERSION.exec(folded)
  if (match === null) return folded.replaceAll(/[-_.+]+/g, '.')
  const [
    ,
    epoch = '',
    release = '',
    phase,
    phaseNumber = '',
    implicitPost,
    post,
    postNumber = '',
    dev,
    devNumber = '',
  ] = match
  const numbers = release.split('.').map(withoutZeros)
  while (numbers.length > 1 && numbers.at(-1) === '0') numbers.pop()
  return [
    withoutZeros(epoch),
    numbers.join('.'),
    phase === undefined ? '' : `${PHASES[phase] ?? phase}${withoutZeros(phaseNumber)}`,
    implicitPost === undefined && post === undefined ? '' : `post${withoutZeros(implicitPost ?? postNumber)}`,
    dev === undefined ? '' : `dev${withoutZeros(devNumber)}`,
    (match[10] ?? '').replaceAll(/[-_.]/g, '.'),
  ].join('|')
}

function withoutZeros(digits: string): string {
  return digits.replace(/^0+(?=\d)/, '') || '0'
}
