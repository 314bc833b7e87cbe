/** The command that has pip install through the index at `url`. pip refuses an index without TLS, unless it is on this machine or named as trusted. */
export function pipCommand(url: URL, project: string): string {
  const trusted = url.protocol === 'https:' || isLoopback(url.hostname) ? '' : ` --trusted-host ${url.hostname}`
  return `pip install --index-url ${url.href}${trusted} ${project}`
}

/** As pip has it: `localhost`, 127.0.0.0/8 and ::1. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}
