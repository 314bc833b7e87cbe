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
