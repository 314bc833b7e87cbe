// Plain JavaScript, since it has to run on the Node that cannot read the rest.
const [major] = process.versions.node.split('.')
if (Number(major) < 24) {
  process.stderr.write(
    `arbor: this is Node ${process.versions.node}, and Arbor needs 24 or newer: run "npm ci" without --omit=optional, which brings one along, or install it from https://nodejs.org\n`,
  )
  process.exit(1)
}
await import('./main.ts')
