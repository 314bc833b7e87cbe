/**
 * A URL, or a text with URLs in it, without what could be a secret: `user:password@` and queries, which is where file hosts
 * put signatures.
 */
export function redactUrl(text: string | URL): string {
  // Up to the last "@" before the path, as WHATWG URL reads an authority: a password may hold an unescaped "@".
  return String(text).replaceAll(/(:\/\/)(?:[^\s/?#"'<>\\]*@)?([^\s?#"'<>\\]*)(\?[^\s#"'<>\\]*)?/g, redactParts)
}

function redactParts(whole: string, slashes: string, rest: string, query: string | undefined): string {
  const credentials = whole.startsWith(`${slashes}${rest}`) ? '' : '***@'
  return `${slashes}${credentials}${rest}${query === undefined ? '' : '?***'}`
}
