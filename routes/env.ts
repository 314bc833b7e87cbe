import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'

/** The routes run on node's own server: a file body is written straight to its response. */
export interface NodeEnv {
  Bindings: HttpBindings
}

export type NodeContext = Context<NodeEnv>
