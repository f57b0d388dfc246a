import { decodeProtectedHeader, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { generateSigningKey, openPrivateKey, openPublicKey } from '../../src/kernel/signing-key.ts'
import { isSignedBy, mandateType, readJws, signerOf, signJws } from '../../src/sts/jws.ts'

const { publicJwk, privateDer } = generateSigningKey()
const signer = signerOf(publicJwk.kid, openPrivateKey(privateDer), mandateType)
const publicKey = openPublicKey(publicJwk)

test('another implementation believes what is signed', async () => {
  const token = signJws(signer, { sub: 'app' })
  expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: publicJwk.kid })
  await expect(jwtVerify(token, publicKey, { algorithms: ['ES256'] })).resolves.toMatchObject({
    payload: { sub: 'app' },
  })
})

/** One r or s in 256 begins with a zero octet, which DER leaves out and a JWS does not. */
test('every signature has 64 octets and is right, however small its numbers are', () => {
  const signed = Array.from({ length: 2_000 }, (_, nth) => readJws(signJws(signer, { nth })))
  const halves = signed.flatMap((jws) => [jws?.signature.at(0), jws?.signature.at(32)])
  expect(signed.every((jws) => jws?.signature.length === 64)).toBe(true)
  expect(signed.every((jws) => jws !== null && isSignedBy(jws, publicKey))).toBe(true)
  expect(halves).toContain(0)
})
