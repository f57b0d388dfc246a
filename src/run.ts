import { startService } from './service.ts'
import { StartupError } from './kernel/startup-error.ts'
import { processEnv, readCliConfig, readConfig } from './config.ts'
import { startChat } from './cli/chat.ts'

/** Serves until a signal; on a terminal it offers the chat prompt meanwhile. */
async function serve(): Promise<number> {
  const env = processEnv()
  const { config, secrets } = readConfig(env)
  await using service = await startService(config, secrets)
  process.stderr.write(service.welcome)
  const ended = Promise.withResolvers<number>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      ended.resolve(0)
    })
  void service.died.then((error) => {
    process.stderr.write(`caracal: ${error.message}\n`)
    ended.resolve(1)
  })
  if (process.stdin.isTTY && process.stdout.isTTY && service.token !== null) {
    const { url: apiUrl, token } = service
    const { zone } = readCliConfig(env)
    const { stdin: input, stdout: output } = process
    void startChat({ apiUrl, token, zone: zone ?? 'default', input, output }).then(() => {
      ended.resolve(0)
    })
  }
  return await ended.promise
}

/** The exit code of the process; what keeps the service from starting is said in words. */
export async function run(): Promise<number> {
  try {
    return await serve()
  } catch (error) {
    if (!(error instanceof StartupError)) throw error
    process.stderr.write(`caracal: ${error.message}\n  ${error.hint}\n`)
    return 1
  }
}
