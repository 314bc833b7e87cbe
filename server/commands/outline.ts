/**
 * JSON from a server as lines for a person: nesting as indentation, names in words, sizes in units. It relies on no shape, so
 * that it shows whatever a newer server reports.
 */
export function outline(record: object, { indent = '', bytes = false } = {}): string {
  const entries = Object.entries(record).map(([key, value]) => [key, value as unknown] as const)
  const leaves = entries.filter(([, value]) => !isRecord(value))
  // `fetched` and `fetchedBytes` side by side have to stay apart.
  const label = (key: string): string =>
    key.endsWith('Bytes') && key.slice(0, -'Bytes'.length) in record ? `${words(key)} bytes` : words(key)
  const width = Math.max(0, ...leaves.map(([key]) => label(key).length))
  return entries
    .map(([key, value]) => {
      const inBytes = bytes || /bytes$/i.test(key)
      if (!isRecord(value)) return `${indent}${label(key).padEnd(width)}  ${showLeaf(value, { bytes: inBytes })}\n`
      return `${indent}${words(key)}\n${outline(value, { indent: `${indent}  `, bytes: inBytes })}`
    })
    .join('')
}

/** JSON as `--json` prints it. */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

/** Bytes as a person reads them, three digits or so. */
export function showBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const amount = bytes / 1024 ** power
  return `${power === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${units[power]}`
}

/** Text from outside, with nothing in it that a terminal would obey. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?')
}

/** A value as a person reads it. */
export function showLeaf(value: unknown, { bytes }: { readonly bytes: boolean }): string {
  if (typeof value === 'number') return bytes ? showBytes(value) : value.toLocaleString('en')
  return printable(typeof value === 'string' ? value : JSON.stringify(value))
}

/** A key in words: `storedBytes` is "stored". */
export function words(key: string): string {
  return printable(key)
    .replace(/Bytes$/, '')
    .replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

export function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
