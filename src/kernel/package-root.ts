import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * A file or folder of the package, found from the nearest package.json upward, so that the same
 * code works from the sources and from the compiled `dist/`.
 */
export function packageFile(...path: readonly string[]): string {
  return join(root(), ...path)
}

function root(): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error(`no package.json above ${import.meta.dirname}`)
    folder = parent
  }
  return folder
}
