const BYTES_PER_UNIT = new Map([
  ['B', 1],
  ['kB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
])

const MS_PER_UNIT = new Map([
  ['ms', 1],
  ['s', 1e3],
  ['m', 60e3],
  ['h', 3600e3],
  ['d', 86_400e3],
  ['w', 7 * 86_400e3],
])

/** `"50GiB"`, or a bare number of bytes; undefined for anything else. */
export function parseByteCount(value: unknown): number | undefined {
  return parseQuantity(value, BYTES_PER_UNIT)
}

/** `"30d"`, as milliseconds; undefined for anything else, a bare number too: it could be any unit. */
export function parseDuration(value: unknown): number | undefined {
  return typeof value === 'string' ? parseQuantity(value, MS_PER_UNIT) : undefined
}

function parseQuantity(value: unknown, units: ReadonlyMap<string, number>): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/.exec(value) : null
  const perUnit = units.get(match?.[2] ?? '')
  if (match === null || perUnit === undefined) return undefined
  const quantity = Math.round(Number(match[1]) * perUnit)
  return Number.isSafeInteger(quantity) ? quantity : undefined
}

/** Bytes as a person would set them, exactly: `64MiB`. */
export function formatSize(bytes: number): string {
  return formatQuantity(bytes, [
    [2 ** 40, 'TiB'],
    [2 ** 30, 'GiB'],
    [2 ** 20, 'MiB'],
    [2 ** 10, 'KiB'],
    [1, 'B'],
  ])
}

/** Milliseconds as a person would set them, exactly: `15m`. */
export function formatDuration(ms: number): string {
  return formatQuantity(ms, [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'm'],
    [1000, 's'],
    [1, 'ms'],
  ])
}

function formatQuantity(quantity: number, units: readonly (readonly [number, string])[]): string {
  const [factor, unit] = units.find(([size]) => quantity % size === 0 && quantity >= size) ?? [
    1,
    units.at(-1)?.[1] ?? '',
  ]
  return `${quantity / factor}${unit}`
}
