import assert from 'node:assert/strict'
import type { lookup as lookUpAddress, LookupAddress } from 'node:dns'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { Upstream } from '../../../server/upstream.ts'
import { createLookup, isLinkLocal } from '../../../server/upstream/link-local.ts'

const { signal } = new AbortController()

for (const address of [
  '169.254.169.254',
  '169.254.0.1',
  'fe80::1',
  'fe80::1%eth0',
  'febf::1',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  '64:ff9b::a9fe:a9fe',
  'fd00:ec2::254',
  'fd20:ce::254',
  'fd00:42::42',
  '100.100.100.200',
]) {
  test(`H9: ${address} is on the own link, or a cloud's own`, () => assert.ok(isLinkLocal(address)))
}
for (const address of ['127.0.0.1', '::1', '10.0.0.1', '192.168.1.1', 'fd00::1', '169.253.0.1', '8.8.8.8', 'name']) {
  test(`${address} is not`, () => assert.ok(!isLinkLocal(address)))
}

/** Every name means these addresses. */
function fakeLookup(addresses: readonly string[], asked: string[]): typeof lookUpAddress {
  const lookup = (
    hostname: string,
    _options: object,
    callback: (error: Error | null, found: LookupAddress[]) => void,
  ): void => {
    asked.push(hostname)
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    process.nextTick(callback, null, found)
  }
  return lookup as unknown as typeof lookUpAddress
}

function createUpstream(
  t: TestContext,
  addresses: readonly string[],
): { readonly upstream: Upstream; readonly asked: string[] } {
  const asked: string[] = []
  const upstream = new Upstream({
    connectTimeoutMs: 500,
    headersTimeoutMs: 500,
    idleTimeoutMs: 500,
    pageMaxBytes: 1000,
    pageTimeoutMs: 500,
    userAgent: 'arbor-test',
    addresses: { ownHosts: new Set(), lookup: fakeLookup(addresses, asked) },
  })
  t.after(() => upstream.close())
  return { upstream, asked }
}

test('H9: a name that turns out to be on the own link is not connected to', async (t) => {
  for (const address of ['169.254.169.254', '::ffff:169.254.169.254', 'fe80::1']) {
    const { upstream, asked } = createUpstream(t, [address])
    const opening = upstream.openFile({ url: 'http://files.example/x.whl' }, undefined, signal)
    await assert.rejects(opening, { code: 'ERR_UPSTREAM_REFUSED', message: /files\.example.*own link/ })
    assert.deepEqual(asked, ['files.example'])
  }
})

test('H9: of several addresses the others are taken', async (t) => {
  // Nothing listens there: that it is refused shows that it was tried.
  const { upstream } = createUpstream(t, ['169.254.169.254', '127.0.0.1'])
  const opening = upstream.openFile({ url: 'http://files.example:1/x.whl' }, undefined, signal)
  await assert.rejects(opening, { code: 'ERR_UPSTREAM_UNAVAILABLE', message: /ECONNREFUSED 127\.0\.0\.1:1/ })
})

test('H9: an address in the URL is not connected to, however it is written', async (t) => {
  const { upstream, asked } = createUpstream(t, [])
  for (const host of ['169.254.169.254', '0xa9fea9fe', '2852039166', '[fe80::1]', '[::ffff:169.254.169.254]']) {
    const opening = upstream.openFile({ url: `http://${host}/latest/` }, undefined, signal)
    await assert.rejects(opening, { code: 'ERR_UPSTREAM_REFUSED' }, host)
  }
  assert.deepEqual(asked, [])
})

test('H9: the host that an index is configured with may be anywhere', async () => {
  const lookup = fakeLookup(['169.254.1.1'], [])
  const find = promisify(createLookup({ ownHosts: new Set(['mirror.local']), lookup }))
  assert.equal(await find('mirror.local', {}), '169.254.1.1')
  await assert.rejects(find('other.local', {}), { code: 'ERR_UPSTREAM_REFUSED' })
})
