/**
 * SCRAM-SHA-256 verifiers as PostgreSQL stores them (RFC 5802, RFC 7677; `src/common/scram-common.c` of PostgreSQL).
 * Sent in place of a password, they keep it out of every log of the server.
 * @module
 */
import { createHash, createHmac, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'

const deriveKey = promisify(pbkdf2)

/** PostgreSQL's own default. */
const ITERATIONS = 4096
const KEY_BYTES = 32

/** RFC 3454, C.1.2: other spaces, which become a space. */
const OTHER_SPACES = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/g
/** RFC 3454, B.1: characters that become nothing. */
const NOTHING = /\u00AD|\u034F|\u1806|[\u180B-\u180D]|\u200C|\u200D|\u2060|[\uFE00-\uFE0F]|\uFEFF/g

/**
 * @param password one that {@link isUnambiguous}
 * @param salt 16 random bytes
 * @returns what `alter role ... password` takes as it is; only ASCII, without quotes
 */
export async function scramVerifier(password: string, salt: Uint8Array): Promise<string> {
  const salted = await deriveKey(password, salt, ITERATIONS, KEY_BYTES, 'sha256')
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64')
  const serverKey = hmac(salted, 'Server Key').toString('base64')
  return `SCRAM-SHA-256$${ITERATIONS}:${Buffer.from(salt).toString('base64')}$${storedKey}:${serverKey}`
}

/**
 * Whether every client proves the same of `password`. SASLprep (RFC 4013) has clients change some characters first, and
 * they disagree on when: libpq leaves a password alone that has a character newer than Unicode 3.2 in it.
 */
export function isUnambiguous(password: string): boolean {
  return password === password.replaceAll(OTHER_SPACES, ' ').replaceAll(NOTHING, '').normalize('NFKC')
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
