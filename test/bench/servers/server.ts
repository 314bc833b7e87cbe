/** A caching proxy that can be measured. */
export interface ServerKind {
  readonly name: string
  /** So slow where it is asked for the same again and again that one round shows enough. */
  readonly slow: boolean
  /** Why it cannot run here; undefined where it can. */
  findObstacle(): Promise<string | undefined>
  /** Starts it with an empty store. The caller disposes of it. */
  start(place: Place): Promise<RunningServer>
}

export interface Place {
  /** URL of the index that it fronts, with a trailing slash. */
  readonly upstream: string
  /** An empty folder of its own. */
  readonly folder: string
}

export interface RunningServer extends AsyncDisposable {
  readonly name: string
  readonly slow: boolean
  /** The index for installers, with a trailing slash. */
  readonly index: string
  /** Where it has one: the same index with pages as the upstream sends them, links and compression included. No proxy for PyPI. */
  readonly plainIndex?: string
  /** Of its main process. */
  readonly pid: number
}
