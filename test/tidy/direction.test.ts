import { describe, expect, test } from 'vitest'
import { directionViolations, importCycles } from './imports.ts'
import { compositionRoots, layers } from './layers-table.ts'
import { programSources, sourceOf } from './source.ts'

const sources = programSources()

describe('dependency direction', () => {
  test('no file imports against it', () => {
    expect(directionViolations(sources)).toEqual([])
  })

  test('the table itself has no way back', () => {
    const reaches = (from: string, seen = new Set<string>()): Set<string> => {
      for (const to of layers[from]?.values ?? []) if (!seen.has(to)) reaches(to, seen.add(to))
      return seen
    }
    expect(Object.keys(layers).filter((name) => reaches(name).has(name))).toEqual([])
  })

  test.each([
    ['src/kernel/a.ts', `import { b } from '../store/b.ts'`],
    ['src/kernel/a.ts', `import type { Config } from '../config.ts'`],
    ['src/store/a.ts', `export { b } from '../audit/b.ts'`],
    ['src/policy/a.ts', `import { b } from '../audit/b.ts'`],
    ['src/admin/a.ts', `import type { Principal } from '../gate/principal.ts'`],
    ['src/admin/a.ts', `export type Plan = import('../operator/plan.ts').Plan`],
    ['src/operator/a.ts', `const b = await import('../admin/grants.ts')`],
    ['src/operator/a.ts', `import '../mcp/server.ts'`],
    ['src/sts/a.ts', `import { b } from '../admin/b.ts'`],
    ['src/http/a.ts', `import { b } from '../admin/b.ts'`],
    ['src/gate/a.ts', `import { context } from '../context.ts'`],
    ['src/gate/a.ts', `import { type Context } from '../context.ts'`],
    ['src/client/a.ts', `import { catalogue } from '../../tools/catalogue.ts'`],
    ['src/console/a.tsx', `import type { Plan } from '../operator/plan.ts'`],
    ['src/store/a.ts', `import { World } from '../../test/world.ts'`],
    ['tools/a.ts', `import { refuse } from '../src/gate/a.ts'`],
    ['tools/a.ts', `import fastify from 'fastify'`],
    ['system-zone/a.ts', `import { sign } from '../src/sts/sign.ts'`],
    ['src/common/a.ts', `export const a = 1`],
  ])('%s may not say %s', (path, text) => {
    expect(directionViolations([sourceOf(path, text)])).toHaveLength(1)
  })

  test.each([
    ['src/gate/a.ts', `import type { Context } from '../context.ts'`],
    ['src/gate/a.ts', `import { grants } from '../admin/grants.ts'`],
    ['src/client/a.ts', `import type { Operation } from '../../tools/operation.ts'`],
    ['src/kernel/a.ts', `import { createHash } from 'node:crypto'`],
    ['src/cli/a.ts', `import { loadConfig } from '../config.ts'`],
    ['tools/a.ts', `import { limits } from '../src/kernel/limits.ts'\nimport { z } from 'zod'`],
    ['test/a.ts', `import { grants } from '../src/admin/grants.ts'`],
  ])('%s may say %s', (path, text) => {
    expect(directionViolations([sourceOf(path, text)])).toEqual([])
  })
})

describe('import cycles', () => {
  test('no files import each other', () => {
    expect(importCycles(sources, compositionRoots)).toEqual([])
  })

  test('a cycle is shown as its path, types included', () => {
    const knot = [
      sourceOf('src/store/a.ts', `import { b } from './b.ts'`),
      sourceOf('src/store/b.ts', `import type { C } from './c.ts'`),
      sourceOf('src/store/c.ts', `export * from './a.ts'`),
      sourceOf('src/store/d.ts', `import { a } from './a.ts'`),
    ]
    expect(importCycles(knot, [])).toEqual([
      'src/store/a.ts -> src/store/b.ts -> src/store/c.ts -> src/store/a.ts',
    ])
  })

  test('the type of a composition root closes no cycle, its value does', () => {
    const cycleWith = (text: string): readonly string[] =>
      importCycles(
        [
          sourceOf('src/context.ts', `import { gate } from './gate/gate.ts'`),
          sourceOf('src/gate/gate.ts', text),
        ],
        compositionRoots,
      )
    expect(cycleWith(`import type { Context } from '../context.ts'`)).toEqual([])
    expect(cycleWith(`import { context } from '../context.ts'`)).toHaveLength(1)
  })
})
