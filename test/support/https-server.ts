import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Network } from '../../src/kernel/safe-fetch.ts'
import { makeCertificate } from './certificate.ts'

/** A server on loopback that the network of a test knows under a public-looking name. */
export interface HttpsServer extends AsyncDisposable {
  readonly port: number
  /** `https://<host>:<port>`, without a slash at the end. */
  readonly origin: string
  /** The name leads to the server, and loopback counts as public: for tests alone. */
  readonly network: Network
}

export async function startHttpsServer(
  answer: RequestListener,
  host = 'idp.example.com',
): Promise<HttpsServer> {
  const certificate = makeCertificate(host)
  const server = createServer(certificate, answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    origin: `https://${host}:${port}`,
    network: {
      resolve: (name) =>
        name === host ? Promise.resolve(['127.0.0.1']) : Promise.reject(new Error('unknown host')),
      isAllowed: (address) => address === '127.0.0.1',
      authorities: [certificate.cert],
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
