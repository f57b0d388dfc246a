/**
 * The service as a process of its own that knows one host beyond the Internet: `HOST AUTHORITY`, a
 * name that leads to loopback, and the file of the certificate that it is believed by.
 */
import { readFileSync } from 'node:fs'
import { processEnv, readConfig } from '../../src/config.ts'
import { startService } from '../../src/service.ts'

const [, , host = '', authority = ''] = process.argv
const { config, secrets } = readConfig(processEnv())
await startService(config, secrets, {
  network: {
    resolve: (name) =>
      name === host ? Promise.resolve(['127.0.0.1']) : Promise.reject(new Error('unknown host')),
    isAllowed: (address) => address === '127.0.0.1',
    authorities: [readFileSync(authority, 'utf8')],
  },
})
