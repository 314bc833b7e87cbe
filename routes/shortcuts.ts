import { LRUCache } from 'lru-cache'
import type { AtHand } from '../storage/at-hand.ts'
import type { Exchange } from './env.ts'

/** Answers requests for one resource. Throws or rejects where it cannot. */
export type Answer = (c: Exchange) => AtHand<Response>

/** How many are kept. */
const MAX_TARGETS = 4000
/** Longer ones are not kept, so that nobody fills the memory with them; characters. */
const MAX_LENGTH = 500

/**
 * Where GET requests go that were routed before. To route one, to make hono's context for it and to read its URL takes longer than to answer it
 * from memory, and all that depends on the request's target alone.
 */
export class Shortcuts {
  readonly #answers = new LRUCache<string, Answer>({ max: MAX_TARGETS })

  /** @param target as it stands in the request's first line. */
  find(target: string): Answer | undefined {
    return this.#answers.get(target)
  }

  /**
   * A route for hono, of which the next request for the same target knows what it is.
   * @param read What a URL names. Throws where that is nothing; which is not kept.
   */
  route(read: (url: string) => Answer): Answer {
    return (c) => {
      const answer = read(c.req.raw.url)
      const { url: target = '' } = c.env.incoming
      if (target.length <= MAX_LENGTH) this.#answers.set(target, answer)
      return answer(c)
    }
  }
}
