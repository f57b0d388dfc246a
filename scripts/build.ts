import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'

/**
 * `npm run build`: compiles what an installed package runs into `dist/`, beside the console there.
 * A checkout needs none of it: it runs the sources.
 */
const root = join(import.meta.dirname, '..')
for (const folder of ['src', 'tools', 'system-zone'])
  rmSync(join(root, 'dist', folder), { recursive: true, force: true })
const compiler = join(root, 'node_modules', '@typescript', 'native', 'lib', 'tsc.js')
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
})
process.exitCode = status ?? 1
