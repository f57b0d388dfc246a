import { processEnv } from '../config.ts'
import { createIo } from './io.ts'
import { runCli } from './program.ts'

// A reader that has seen enough, such as `head`, closes the pipe: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})

const env = processEnv()
const streams = { input: process.stdin, output: process.stdout, errors: process.stderr }
const io = createIo(streams, (env.NO_COLOR ?? '') === '')
process.exitCode = await runCli(process.argv.slice(2), { env, io, streams })
