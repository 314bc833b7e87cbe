import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statusError } from '../../../server/upstream/retry.ts'

function messageOf(status: number): string {
  return statusError('https://me:secret@pypi.example/simple/x/', status, undefined).message
}

test('who is refused by upstream is told where to look', () => {
  assert.match(
    messageOf(401),
    /^https:\/\/\*\*\*@pypi\.example\/simple\/x\/ answered 401: are the credentials .* right\?$/,
  )
  assert.match(messageOf(403), /answered 403: are the credentials .* right\? .* not-found-statuses$/)
  assert.match(messageOf(500), /answered 500$/)
})
