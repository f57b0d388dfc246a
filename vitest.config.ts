import { globSync, readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

/** Files that replace a module for themselves: they cannot share a process with others. */
const apart = globSync('test/**/*.test.ts').filter((file) =>
  readFileSync(file, 'utf8').includes('vi.mock('),
)

export default defineConfig({
  test: {
    environment: 'node',
    globalSetup: ['test/global-setup.ts'],
    // Processes and no threads: the tests start servers, send signals and load wasm.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default'],
    projects: [
      {
        extends: true,
        // What is loaded once serves all files of a process, which saves a quarter of the time.
        test: { name: 'together', include: ['test/**/*.test.ts'], exclude: apart, isolate: false },
      },
      { extends: true, test: { name: 'apart', include: apart } },
    ],
  },
})
