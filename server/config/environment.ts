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
  token,
  yesOrNoText,
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
  readonly logRequests?: boolean | undefined
}

interface Setting<T> {
  readonly notation: Notation<T>
  readonly variable: string
  readonly flag?: keyof Flags
}

const SETTINGS = {
  listen: { notation: listenAddress, variable: 'ARBOR_LISTEN', flag: 'listen' },
  data: { notation: folder, variable: 'ARBOR_DATA', flag: 'data' },
  upstream: { notation: indexUrl, variable: 'ARBOR_UPSTREAM', flag: 'upstream' },
  config: { notation: filePath, variable: 'ARBOR_CONFIG', flag: 'config' },
  adminToken: { notation: adminToken, variable: 'ARBOR_ADMIN_TOKEN' },
  caFile: { notation: filePath, variable: 'ARBOR_CA_FILE' },
  contact: { notation: contact, variable: 'ARBOR_CONTACT' },
  maxSize: { notation: size, variable: 'ARBOR_MAX_SIZE' },
  maxFiles: { notation: fileCount, variable: 'ARBOR_MAX_FILES' },
  unusedFor: { notation: duration, variable: 'ARBOR_UNUSED_FOR' },
  minFree: { notation: size, variable: 'ARBOR_MIN_FREE' },
  logRequests: { notation: yesOrNoText, variable: 'ARBOR_LOG_REQUESTS', flag: 'logRequests' },
} as const

/** What variables and flags say: a flag before its variable. */
export type Overrides = {
  readonly [Name in keyof typeof SETTINGS]: ReturnType<(typeof SETTINGS)[Name]['notation']['parse']>
} & { readonly trees: Partial<TreeSettings> }

/** Reads variables and flags, adding what is wrong with them to `mistakes`. An empty variable counts as none. */
export function readOverrides(env: Environment, flags: Flags, mistakes: Mistake[]): Overrides {
  mistakes.push(...unknownVariables(env))
  const read = <T>(notation: Notation<T>, where: string, written: string | boolean | undefined): T | undefined => {
    if (written === undefined) return undefined
    const value = notation.parse(written)
    if (value === undefined) mistakes.push({ where, problem: describeMisfit(notation, written) })
    return value
  }
  const override = <T>({ notation, variable, flag }: Setting<T>): T | undefined => {
    // Both are read, so that a mistake in the one does not wait until the other is gone.
    const fromVariable = read(notation, variable, env[variable] || undefined)
    return (flag === undefined ? undefined : read(notation, `--${flag}`, flags[flag])) ?? fromVariable
  }
  return {
    listen: override(SETTINGS.listen),
    data: override(SETTINGS.data),
    upstream: override(SETTINGS.upstream),
    config: override(SETTINGS.config),
    adminToken: override(SETTINGS.adminToken),
    caFile: override(SETTINGS.caFile),
    contact: override(SETTINGS.contact),
    maxSize: override(SETTINGS.maxSize),
    maxFiles: override(SETTINGS.maxFiles),
    unusedFor: override(SETTINGS.unusedFor),
    minFree: override(SETTINGS.minFree),
    logRequests: override(SETTINGS.logRequests),
    trees: readTreeVariables((notation, variable) => read(notation, variable, env[variable] || undefined)),
  }
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

/**
 * What is wrong with variables for credentials: there is no such index, they would be told to several, there are two kinds of them,
 * or no header can hold them.
 */
export function indexVariableMistakes(env: Environment, indexes: readonly string[]): Mistake[] {
  const names = indexes.map(variableNameOf)
  return Object.keys(env).flatMap((where) => {
    const name = INDEX_VARIABLE.exec(where)?.[1]
    if (name === undefined) return []
    const [index, ...more] = indexes.filter((known) => variableNameOf(known) === name)
    if (index === undefined) return { where, problem: `there is no index of that name; ${suggest(name, names)}` }
    if (more.length > 0)
      return { where, problem: `could be for each of ${[index, ...more].join(', ')}: rename one of them` }
    return where.endsWith('_TOKEN') ? tokenMistakes(where, readIndexVariables(env, index)) : []
  })
}

function tokenMistakes(where: string, variables: IndexVariables): Mistake[] {
  if (variables.token === undefined) return []
  if (token.parse(variables.token) === undefined) return [{ where, problem: describeMisfit(token, variables.token) }]
  if (variables.username === undefined && variables.password === undefined) return []
  return [{ where, problem: 'expected a token, or username and password, got both' }]
}

function variableNameOf(index: string): string {
  return index.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')
}

/** The flag or variable that named the configuration file, for messages. */
export function sourceOfConfig({ config }: Flags): string {
  return config === undefined ? SETTINGS.config.variable : '--config'
}

function unknownVariables(env: Environment): Mistake[] {
  const known: readonly string[] = [...Object.values(SETTINGS).map(({ variable }) => variable), ...TREE_VARIABLES]
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

/** Kubernetes gives every container such variables for a Service that is called "arbor", or "arbor-" and more. */
function isServiceLink(name: string, value: string): boolean {
  const isLink = /^ARBOR_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/
  return isLink.test(name) || (/^ARBOR_(\w+_)?PORT$/.test(name) && /^(tcp|udp|sctp):\/\//.test(value))
}
