import type { Result, Router } from 'hono/router'
import { RegExpRouter } from 'hono/router/reg-exp-router'

/**
 * hono's fast router cannot hold both `/simple/:project` and `/:index/simple`, and hono would take its slow one for every path then. So what
 * begins with a parameter is kept apart, and looked at only where nothing else fits.
 */
export class LiteralFirstRouter<Route> implements Router<Route> {
  readonly name = 'LiteralFirstRouter'
  readonly #literal = new RegExpRouter<Route>()
  readonly #parametric = new RegExpRouter<Route>()

  add(method: string, path: string, route: Route): void {
    const router = path.startsWith('/:') ? this.#parametric : this.#literal
    router.add(method, path, route)
  }

  match(method: string, path: string): Result<Route> {
    const found = this.#literal.match(method, path)
    return found[0].length > 0 ? found : this.#parametric.match(method, path)
  }
}
