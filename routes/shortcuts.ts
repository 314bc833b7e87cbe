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
 * What answers a GET whose target was routed before. Routing it, making hono's context and reading its URL take longer than an answer from memory,
 * and all they lead to depends on the target alone.
 */
export class Shortcuts {
  readonly #answers = new LRUCache<string, Answer>({ max: MAX_TARGETS })

  /** @param target as it stands in the request's first line. */
  find(target: string): Answer | undefined {
    return this.#answers.get(target)
  }

  /**
   * A handler for hono. What it finds out about a target is kept for the next request ({@link find}).
   * @param read Makes the answer for a URL. Throws where the URL names nothing, which is not kept.
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
