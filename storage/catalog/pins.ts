import type { Sighting } from '../model.ts'
import type { Sha256 } from '../digest.ts'
import { formatPin, parsePin, type Pin } from '../pin.ts'
import { findVersion, versionKey } from '../versions.ts'
import type { Connection } from './sqlite-connection.ts'

export interface KeptPin {
  readonly pin: Pin
  /** When it was set, milliseconds since the epoch. */
  readonly at: number
}

export function addPin(connection: Connection, pin: Pin, at: number): void {
  connection.run(
    'INSERT INTO pin (key, pin, pinned_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    keyOf(pin),
    formatPin(pin),
    at,
  )
}

/** False: there was none. */
export function removePin(connection: Connection, pin: Pin): boolean {
  return connection.run('DELETE FROM pin WHERE key = ?', keyOf(pin)) > 0
}

export function listPins(connection: Connection): KeptPin[] {
  return connection
    .all<{ pin: string; at: number }>('SELECT pin, pinned_at AS at FROM pin ORDER BY pin')
    .map(({ pin, at }) => ({ pin: parsePin(pin), at }))
}

/** Tells whether a distribution is pinned. */
export class Pins {
  readonly #keys: ReadonlySet<string>

  constructor(connection: Connection) {
    this.#keys = new Set(connection.all<{ key: string }>('SELECT key FROM pin').map(({ key }) => key))
  }

  get isEmpty(): boolean {
    return this.#keys.size === 0
  }

  has(sha256: Sha256, sightings: readonly Sighting[]): boolean {
    if (this.isEmpty) return false
    if (this.#keys.has(keyOf({ kind: 'digest', sha256 }))) return true
    return sightings.some(({ project, filename }) => {
      if (this.#keys.has(keyOf({ kind: 'project', project }))) return true
      const version = findVersion(filename, project)
      return version !== undefined && this.#keys.has(keyOf({ kind: 'version', project, version }))
    })
  }
}

/** The same for all spellings of a version. */
function keyOf(pin: Pin): string {
  return pin.kind === 'version' ? `${pin.project}==${versionKey(pin.version)}` : formatPin(pin)
}
