import { contact } from './contact.ts'
import { suggest, type Mistake } from './mistakes.ts'
import {
  adminToken,
  describeMisfit,
  duration,
  fileCount,
  filePath,
  folder,
  indexUrl,
  listenAddress,
  size,
  type Notation,
} from './notation.ts'
import { readTreeVariables, TREE_VARIABLES, type TreeSettings } from './tree-limits.ts'

/** Variables by their names, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Values of the command line's flags. */
export interface Flags {
  readonly listen?: string | undefined
  readonly data?: string | undefined
  readonly upstream?: string | undefined
  readonly config?: string | undefined
}

const NOTATIONS = {
  listen: listenAddress,
  data: folder,
  upstream: indexUrl,
  config: folder,
  adminToken,
  caFile: filePath,
  contact,
  maxSize: size,
  maxFiles: fileCount,
  unusedFor: duration,
  minFree: size,
} as const
type SettingName = keyof typeof NOTATIONS

const VARIABLES: Readonly<Record<SettingName, string>> = {
  listen: 'ARBOR_LISTEN',
  data: 'ARBOR_DATA',
  upstream: 'ARBOR_UPSTREAM',
  config: 'ARBOR_CONFIG',
  adminToken: 'ARBOR_ADMIN_TOKEN',
  caFile: 'ARBOR_CA_FILE',
  contact: 'ARBOR_CONTACT',
  maxSize: 'ARBOR_MAX_SIZE',
  maxFiles: 'ARBOR_MAX_FILES',
  unusedFor: 'ARBOR_UNUSED_FOR',
  minFree: 'ARBOR_MIN_FREE',
}

/** What variables and flags say: a flag before its variable. */
export type Overrides = {
  readonly [Name in SettingName]: ReturnType<(typeof NOTATIONS)[Name]['parse']>
} & { readonly trees: Partial<TreeSettings> }

/** Reads variables and flags, adding what is wrong with them to `mistakes`. An empty variable counts as none. */
export function readOverrides(env: Environment, flags: Flags, mistakes: Mistake[]): Overrides {
  mistakes.push(...unknownVariables(env))
  const read = <T>(notation: Notation<T>, where: string, written: string | undefined): T | undefined => {
    if (written === undefined) return undefined
    const value = notation.parse(written)
    if (value === undefined) mistakes.push({ where, problem: describeMisfit(notation, written) })
    return value
  }
  const override = <T>(notation: Notation<T>, name: SettingName): T | undefined => {
    // Both are read, so that a mistake in the one does not wait until the other is gone.
    const variable = read(notation, VARIABLES[name], env[VARIABLES[name]] || undefined)
    return (isFlag(name) ? read(notation, `--${name}`, flags[name]) : undefined) ?? variable
  }
  return {
    listen: override(NOTATIONS.listen, 'listen'),
    data: override(NOTATIONS.data, 'data'),
    upstream: override(NOTATIONS.upstream, 'upstream'),
    config: override(NOTATIONS.config, 'config'),
    adminToken: override(NOTATIONS.adminToken, 'adminToken'),
    caFile: override(NOTATIONS.caFile, 'caFile'),
    contact: override(NOTATIONS.contact, 'contact'),
    maxSize: override(NOTATIONS.maxSize, 'maxSize'),
    maxFiles: override(NOTATIONS.maxFiles, 'maxFiles'),
    unusedFor: override(NOTATIONS.unusedFor, 'unusedFor'),
    minFree: override(NOTATIONS.minFree, 'minFree'),
    trees: readTreeVariables((notation, variable) => read(notation, variable, env[variable] || undefined)),
  }
}

function isFlag(name: SettingName): name is keyof Flags {
  return name === 'listen' || name === 'data' || name === 'upstream' || name === 'config'
}

const INDEX_VARIABLE = /^ARBOR_INDEX_(\w+)_(USERNAME|PASSWORD|TOKEN)$/

/** Credentials of one index, as its variables have them: `ARBOR_INDEX_{NAME}_USERNAME`, the name as uv writes it. */
export interface IndexVariables {
  readonly username: string | undefined
  readonly password: string | undefined
  readonly token: string | undefined
}

export function readIndexVariables(env: Environment, index: string): IndexVariables {
  const read = (what: string): string | undefined => env[`ARBOR_INDEX_${variableNameOf(index)}_${what}`] || undefined
  return { username: read('USERNAME'), password: read('PASSWORD'), token: read('TOKEN') }
}

/** Variables for credentials of which it is not plain what index they are for: there is none, or they would be told to several. */
export function strayIndexVariables(env: Environment, indexes: readonly string[]): Mistake[] {
  const names = indexes.map(variableNameOf)
  return Object.keys(env).flatMap((where) => {
    const name = INDEX_VARIABLE.exec(where)?.[1]
    const meant = indexes.filter((index) => variableNameOf(index) === name)
    if (name === undefined || meant.length === 1) return []
    if (meant.length > 1) return { where, problem: `could be for each of ${meant.join(', ')}: rename one of them` }
    return { where, problem: `there is no index of that name; ${suggest(name, names)}` }
  })
}

function variableNameOf(index: string): string {
  return index.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')
}

/** Where a value that variable or flag gave came from, for messages. */
export function sourceOf(name: 'config', flags: Flags): string {
  return flags[name] === undefined ? VARIABLES[name] : `--${name}`
}

function unknownVariables(env: Environment): Mistake[] {
  const known = [...Object.values(VARIABLES), ...TREE_VARIABLES]
  return Object.keys(env)
    .filter(
      (name) =>
        name.startsWith('ARBOR_') &&
        !known.includes(name) &&
        !INDEX_VARIABLE.test(name) &&
        !isServiceLink(name, env[name] ?? ''),
    )
    .map((name) => ({ where: name, problem: `unknown variable; ${suggest(name, known)}` }))
}

/** Kubernetes gives every container such variables for a Service that is called "arbor". */
function isServiceLink(name: string, value: string): boolean {
  if (name === 'ARBOR_PORT') return /^(tcp|udp|sctp):\/\//.test(value)
  return /^ARBOR_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/.test(name)
}
