import { availableParallelism } from 'node:os'
import * as v from 'valibot'
import { type ArchiveLimits, DEFAULT_LIMITS } from '../../storage/archive/policy.ts'
import { formatSize } from '../../storage/units.ts'
import { fileCount, type Notation, size } from './notation.ts'
import { table, written } from './tables.ts'

/** Which wheels get a tree, and how many threads make trees. */
export interface TreeLimits {
  readonly limits: ArchiveLimits
  readonly threads: number
}

/** Something of which there is one at least; as a text too, since a variable has nothing else. */
const atLeastOne: Notation<number> = {
  expected: 'a whole number from 1',
  parse: (value) => fileCount.parse(value) || undefined,
}

const threads: Notation<number> = {
  expected: 'a whole number from 1 to 64',
  parse(value) {
    const number = atLeastOne.parse(value)
    return number !== undefined && number <= 64 ? number : undefined
  },
}

/** Of each setting under [trees]: how it is written, which variable has it, and the default as a person would write it. */
const SETTINGS = {
  'max-entries': { notation: atLeastOne, variable: 'ARBOR_TREES_MAX_ENTRIES', usual: DEFAULT_LIMITS.maxEntries },
  'max-size': { notation: size, variable: 'ARBOR_TREES_MAX_SIZE', usual: formatSize(DEFAULT_LIMITS.maxBytes) },
  'max-ratio': { notation: atLeastOne, variable: 'ARBOR_TREES_MAX_RATIO', usual: DEFAULT_LIMITS.maxRatio },
  'ratio-free-size': {
    notation: size,
    variable: 'ARBOR_TREES_RATIO_FREE_SIZE',
    usual: formatSize(DEFAULT_LIMITS.ratioFreeBytes),
  },
  'max-directory-size': {
    notation: size,
    variable: 'ARBOR_TREES_MAX_DIRECTORY_SIZE',
    usual: formatSize(DEFAULT_LIMITS.maxDirectoryBytes),
  },
  'max-path-length': {
    notation: atLeastOne,
    variable: 'ARBOR_TREES_MAX_PATH_LENGTH',
    usual: DEFAULT_LIMITS.maxPathBytes,
  },
  'max-name-length': {
    notation: atLeastOne,
    variable: 'ARBOR_TREES_MAX_NAME_LENGTH',
    usual: DEFAULT_LIMITS.maxComponentBytes,
  },
  'max-depth': { notation: atLeastOne, variable: 'ARBOR_TREES_MAX_DEPTH', usual: DEFAULT_LIMITS.maxDepth },
  threads: { notation: threads, variable: 'ARBOR_TREES_THREADS', usual: Math.min(64, availableParallelism()) },
} as const

type SettingName = keyof typeof SETTINGS
export type TreeSettings = Readonly<Record<SettingName, number>>

const names = Object.keys(SETTINGS) as SettingName[]

/** [trees] in the file. */
export const treesTable = v.optional(
  table({
    'max-entries': setting('max-entries'),
    'max-size': setting('max-size'),
    'max-ratio': setting('max-ratio'),
    'ratio-free-size': setting('ratio-free-size'),
    'max-directory-size': setting('max-directory-size'),
    'max-path-length': setting('max-path-length'),
    'max-name-length': setting('max-name-length'),
    'max-depth': setting('max-depth'),
    threads: setting('threads'),
  }),
  {},
)

/** The same settings as variables. */
export const TREE_VARIABLES: readonly string[] = names.map((name) => SETTINGS[name].variable)

/** What the variables say. `read` parses one, and notes what is wrong with it. */
export function readTreeVariables(
  read: (notation: Notation<number>, variable: string) => number | undefined,
): Partial<TreeSettings> {
  const values = names.map((name) => [name, read(SETTINGS[name].notation, SETTINGS[name].variable)] as const)
  return Object.fromEntries(values.filter(([, value]) => value !== undefined))
}

export function combineTreeLimits(inFile: TreeSettings, variables: Partial<TreeSettings>): TreeLimits {
  const settings = { ...inFile, ...variables }
  return {
    limits: {
      maxEntries: settings['max-entries'],
      maxBytes: settings['max-size'],
      maxRatio: settings['max-ratio'],
      ratioFreeBytes: settings['ratio-free-size'],
      maxDirectoryBytes: settings['max-directory-size'],
      maxPathBytes: settings['max-path-length'],
      maxComponentBytes: settings['max-name-length'],
      maxDepth: settings['max-depth'],
    },
    threads: settings.threads,
  }
}

/** In the words of the file. */
export function describeTreeLimits({ limits, threads: count }: TreeLimits): Record<SettingName, string | number> {
  return {
    'max-entries': limits.maxEntries,
    'max-size': formatSize(limits.maxBytes),
    'max-ratio': limits.maxRatio,
    'ratio-free-size': formatSize(limits.ratioFreeBytes),
    'max-directory-size': formatSize(limits.maxDirectoryBytes),
    'max-path-length': limits.maxPathBytes,
    'max-name-length': limits.maxComponentBytes,
    'max-depth': limits.maxDepth,
    threads: count,
  }
}

function setting(name: SettingName) {
  const { notation, usual } = SETTINGS[name]
  return v.optional(written(notation), usual)
}
