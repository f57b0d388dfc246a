import { serveStdio } from '../../src/mcp/stdio.ts'

/** What an IDE starts: the stdio server as a process, with its settings as arguments. */
const [apiUrl = '', token = '', zone = ''] = process.argv.slice(2)
await serveStdio({ apiUrl, token, zone: zone === '' ? null : zone })
