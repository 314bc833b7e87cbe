/** RFC 7240 §4.1: the client would rather be told to come back than wait. */
export function prefersAsync(prefer: string | undefined): boolean {
  return prefer?.split(',').some((preference) => /^\s*respond-async\s*(?:;|$)/i.test(preference)) === true
}
