import { describe, expect, test } from 'vitest'
import { filesUnder, readRepositoryFile, topFolders } from './source.ts'

const files = filesUnder('')

describe('folders', () => {
  test('the top of the repository holds the declared folders and no other', () => {
    const declared = 'bench docs policies prompts scripts src system-zone test tools'.split(' ')
    expect(topFolders().filter((name) => !declared.includes(name))).toEqual([])
  })

  /** Folders of src that have no tests of their own, each with where they are tested instead. */
  const testedElsewhere: Readonly<Record<string, string>> = {}

  test('every folder of src that has code has tests under test', () => {
    const folders = new Set(files.flatMap((path) => /^src\/([^/]+)\//.exec(path)?.[1] ?? []))
    const untested = [...folders].filter(
      (folder) =>
        !(folder in testedElsewhere) &&
        !files.some((path) => path.startsWith(`test/${folder}/`) && path.endsWith('.test.ts')),
    )
    expect(untested).toEqual([])
  })

  test('an exception is taken off the list once it has tests', () => {
    const stale = Object.keys(testedElsewhere).filter((folder) =>
      files.some((path) => path.startsWith(`test/${folder}/`)),
    )
    expect(stale).toEqual([])
  })

  test('files and folders are named in kebab-case', () => {
    const named = /^(?:\.?[a-z0-9]+(?:[-.][a-z0-9]+)*|[A-Z]+(?:\.md)?)$/
    const code = files.filter((path) =>
      /^(?:src|tools|system-zone|scripts|bench|test)\//.test(path),
    )
    expect(code.filter((path) => !path.split('/').every((part) => named.test(part)))).toEqual([])
  })
})

describe('words that belong to one machine', () => {
  /** Put together from parts, so that this file does not hold what it forbids. */
  const workplace = ['', 'work', ''].join('/')
  const toolFolder = ['', 'tmp', 'gobin'].join('/')
  const forbidden = new RegExp(`(?<![\\w.~-])(?:${workplace}|${toolFolder})`)

  test('no file holds a path of the machine it was written on', () => {
    const texts = files.filter((path) => !/\.(?:wasm|png|jpg|ico|woff2)$/.test(path))
    expect(texts.filter((path) => forbidden.test(readRepositoryFile(path)))).toEqual([])
  })

  test.each([
    [`cp ${workplace}main/file .`, true],
    [`"${toolFolder}/tool"`, true],
    [`https://example.com/a${workplace}b`, false],
    [`see ..${workplace}notes`, false],
  ])('%s is such a path: %s', (text, found) => {
    expect(forbidden.test(text)).toBe(found)
  })
})

describe('package-lock.json', () => {
  interface Locked {
    readonly optionalDependencies?: Readonly<Record<string, string>>
  }
  const { packages } = JSON.parse(readRepositoryFile('package-lock.json')) as {
    packages: Readonly<Record<string, Locked>>
  }

  test('holds no addresses of a registry', () => {
    const hint = 'run npm install --omit-lockfile-registry-resolved'
    const addresses = readRepositoryFile('package-lock.json')
      .split('\n')
      .filter((line) => line.includes('"resolved":'))
    expect(addresses.slice(0, 3), hint).toEqual([])
  })

  test('holds every platform’s packages, or `npm ci` refuses it', () => {
    const held = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')))
    const wanted = Object.values(packages).flatMap((locked) =>
      Object.keys(locked.optionalDependencies ?? {}),
    )
    expect(wanted.filter((name) => !held.has(name))).toEqual([])
  })
})
