import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** A certificate that signs itself, with its key, both in PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Makes a certificate for host names (RFC 5280), valid for the years around any test. */
export function makeCertificate(...hosts: readonly string[]): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(tagged(0x31, sequence(oid(85, 4, 3), utf8(hosts[0] ?? 'test'))))
  const names = sequence(...hosts.map((host) => tagged(0x82, Buffer.from(host))))
  const basicConstraints = sequence(
    oid(85, 29, 19),
    octets(sequence(tagged(0x01, Buffer.of(0xff)))),
  )
  const subjectAltName = sequence(oid(85, 29, 17), octets(names))
  const ecdsaWithSha256 = sequence(oid(42, 134, 72, 206, 61, 4, 3, 2))
  const content = sequence(
    tagged(0xa0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(8)])),
    ecdsaWithSha256,
    name,
    sequence(time('20200101000000Z'), time('20991231235959Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(basicConstraints, subjectAltName)),
  )
  const signature = sign('sha256', content, privateKey)
  const bits = tagged(0x03, Buffer.of(0), signature)
  return {
    cert: pem('CERTIFICATE', sequence(content, ecdsaWithSha256, bits)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts)
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes)
}

function octets(content: Buffer): Buffer {
  return tagged(0x04, content)
}

function utf8(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text))
}

function time(text: string): Buffer {
  return tagged(0x18, Buffer.from(text))
}

/** By its encoded octets: what they stand for is in RFC 5280 appendix A. */
function oid(...encoded: readonly number[]): Buffer {
  return tagged(0x06, Buffer.of(...encoded))
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd()
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}
