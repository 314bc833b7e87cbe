import { StoreFormatError } from '../errors.ts'
import { APPLICATION_ID, MIGRATIONS } from './schema.ts'
import type { Connection } from './sqlite-connection.ts'

interface Format {
  readonly applicationId: number
  readonly version: number
  readonly isEmpty: boolean
}

/**
 * Creates the tables, or brings those of an older version up to date, in one transaction. Changes nothing and throws
 * {@link StoreFormatError} for a database that another program made, or a newer Arbor.
 */
export function migrate(connection: Connection, path: string, migrations: readonly string[] = MIGRATIONS): void {
  const before = checkFormat(connection, path, migrations)
  // Even if the format is up to date: the mode may have been changed from outside. Costs nothing where it is as wanted.
  connection.exec('PRAGMA journal_mode = wal')
  if (before.version === migrations.length) return
  connection.exec('BEGIN IMMEDIATE')
  try {
    // Another process may have done it while this one waited for the lock.
    const { version } = checkFormat(connection, path, migrations)
    for (const step of migrations.slice(version)) connection.exec(step)
    connection.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${migrations.length}`)
    connection.exec('COMMIT')
  } catch (error) {
    if (connection.inTransaction) connection.exec('ROLLBACK')
    throw error
  }
}

/** For a connection that may not write: throws {@link StoreFormatError} unless the database has the version of this code. */
export function checkUpToDate(connection: Connection, path: string): void {
  const { version } = checkFormat(connection, path, MIGRATIONS)
  if (version !== MIGRATIONS.length) {
    throw new StoreFormatError(
      `${path} has version ${version}: it has to be opened for writing once, to be brought to ${MIGRATIONS.length}`,
    )
  }
}

function checkFormat(connection: Connection, path: string, migrations: readonly string[]): Format {
  const format = readFormat(connection)
  const isOurs = format.applicationId === APPLICATION_ID
  if (!isOurs && !format.isEmpty) {
    throw new StoreFormatError(`${path} is no catalog of Arbor: another program made this database`)
  }
  if (format.version > migrations.length) {
    throw new StoreFormatError(
      `${path} was written by a newer Arbor (format ${format.version}; this one knows up to ${migrations.length}): update Arbor, or use another data folder`,
    )
  }
  return format
}

function readFormat(connection: Connection): Format {
  const { applicationId } = connection.get<{ applicationId: number }>(
    'SELECT application_id AS applicationId FROM pragma_application_id',
  )
  const { version } = connection.get<{ version: number }>('SELECT user_version AS version FROM pragma_user_version')
  const { tables } = connection.get<{ tables: number }>('SELECT count(*) AS tables FROM sqlite_schema')
  return { applicationId, version, isEmpty: tables === 0 && applicationId === 0 && version === 0 }
}
