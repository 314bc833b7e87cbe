import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'

/** The routes run on node's own server: a file body is written straight to its response. */
export interface NodeEnv {
  Bindings: HttpBindings
}

export type NodeContext = Context<NodeEnv>

/** One request and its response: what most routes need of hono's context. A request that takes a shortcut (shortcuts.ts) has no such context. */
export interface Exchange {
  readonly env: HttpBindings
  readonly req: { readonly raw: Pick<Request, 'url' | 'signal'> }
}
