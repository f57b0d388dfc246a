import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** A committed file that is made from a declaration elsewhere. */
export interface GeneratedFile {
  /** From the top of the repository. */
  readonly path: string
  /** The whole text that the file must have; sources are loaded only when it is asked for. */
  readonly produce: () => Promise<string>
}

/** Every generated file; a new kind of page is one more row. */
const generatedFiles: readonly GeneratedFile[] = [
  {
    path: 'docs/operations.md',
    produce: async () => {
      const { catalogue } = await import('../tools/catalogue.ts')
      const { operationsPage } = await import('./operations-page.ts')
      return operationsPage(catalogue)
    },
  },
  {
    path: 'docs/errors.md',
    produce: async () => {
      const { faultStatus } = await import('../src/kernel/faults.ts')
      const { errorsPage } = await import('./errors-page.ts')
      return errorsPage(faultStatus)
    },
  },
  {
    path: 'src/client/routes-table.ts',
    produce: async () => {
      const { catalogue } = await import('../tools/catalogue.ts')
      const { clientRoutes } = await import('./client-routes.ts')
      return clientRoutes(catalogue)
    },
  },
  {
    path: 'README.md',
    produce: async () => {
      const { configTable } = await import('../src/config.ts')
      const { withConfigTable } = await import('./config-section.ts')
      return withConfigTable(await readFile(fileOf('README.md'), 'utf8'), configTable)
    },
  },
]

/** What is wrong with the generated files, a sentence each. */
export async function verifyGenerated(
  files: readonly GeneratedFile[] = generatedFiles,
): Promise<string[]> {
  const problems = await Promise.all(
    files.map(async ({ path, produce }) => {
      try {
        if ((await produce()) === (await currentText(path))) return []
        return [`${path} is not what its source makes: run npm run generate`]
      } catch (error) {
        return [`${path} cannot be made: ${error instanceof Error ? error.message : String(error)}`]
      }
    }),
  )
  return problems.flat()
}

/** Writes the generated files anew; the paths of those that changed. */
export async function writeGenerated(
  files: readonly GeneratedFile[] = generatedFiles,
): Promise<string[]> {
  const changed: string[] = []
  for (const { path, produce } of files) {
    const text = await produce()
    if (text === (await currentText(path))) continue
    await writeFile(fileOf(path), text)
    changed.push(path)
  }
  return changed
}

async function currentText(path: string): Promise<string | undefined> {
  try {
    return await readFile(fileOf(path), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function fileOf(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url))
}
