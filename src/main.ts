import { enableCompileCache } from 'node:module'
import { packageFile } from './kernel/package-root.ts'

// Most of a start is compiling: what one start has compiled, the next one reads. The folder is the
// package's own, since whoever can write there can run code here.
enableCompileCache(packageFile('node_modules', '.cache', 'caracal'))
const { run } = await import('./run.ts')
process.exitCode = await run()
