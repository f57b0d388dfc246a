import { fileURLToPath } from 'node:url'

/**
 * What npm runs after `npm ci` in a clone: it builds the web console. An installation without the
 * development packages has no Vite; it gets everything else, and `/console` says what is missing.
 */
try {
  import.meta.resolve('vite')
} catch {
  console.log('The web console is not built: that takes the development packages (npm ci).')
  process.exit(0)
}
const { build } = await import('vite')
const configFile = fileURLToPath(new URL('../vite.config.ts', import.meta.url))
await build({ configFile, logLevel: 'warn' })
