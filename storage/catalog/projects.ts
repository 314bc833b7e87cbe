import type { IndexName, ProjectName } from '../names.ts'
import type { Connection } from './sqlite-connection.ts'

/** What is stored of a project, as seen on one index. */
export interface ProjectUsage {
  readonly index: IndexName
  readonly project: ProjectName
  readonly distributions: number
  /** Sum over its distributions, trees not counted. */
  readonly bytes: number
  /** When one of them was last asked for, milliseconds since the epoch. */
  readonly usedAt: number
}

const ORDER = { largest: 'bytes DESC', coldest: 'used_at' } as const

export function listProjects(connection: Connection, order: keyof typeof ORDER, limit: number): ProjectUsage[] {
  return connection.all<ProjectUsage>(
    `SELECT index_name AS "index", project, distributions, bytes, used_at AS usedAt FROM project
       ORDER BY ${ORDER[order]} LIMIT ?`,
    limit,
  )
}
