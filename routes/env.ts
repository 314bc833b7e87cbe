import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'

/** The routes run on node's own server: a file body is written straight to its response. */
export interface NodeEnv {
  Bindings: HttpBindings
}

export type NodeContext = Context<NodeEnv>

/** One request, and where its response goes: what most routes need of hono's context, which is not made for each (see shortcuts.ts). */
export interface Exchange {
  readonly env: HttpBindings
  readonly req: { readonly raw: Pick<Request, 'url' | 'signal'> }
}
