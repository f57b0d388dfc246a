/**
 * The dependency direction of the design as a table: what each part of the program may import
 * besides its own files. A part that is not listed may not exist; a part that a row does not name
 * may not be imported. Tests, benchmarks and scripts stand outside and import what they like.
 */
export interface Layer {
  /** Parts whose values and types may be imported. */
  readonly values: readonly string[]
  /** Parts of which only types may be imported, with `import type`. */
  readonly types?: readonly string[]
  /** The only npm packages that may be imported; absent means any. */
  readonly packages?: readonly string[]
}

/** The object graph and the settings travel as arguments: others know only their types. */
export const compositionRoots = ['src/context.ts', 'src/config.ts'] as const

const records = ['src/store', 'src/kernel']
const declarations = ['tools', 'src/kernel']
const authority = ['src/gate', 'src/sts', 'src/policy', 'src/audit', ...records, 'tools']
const governed = ['src/operator', ...authority, 'system-zone']
const surfaces = ['src/http', 'src/mcp', ...governed]
const entry = ['src/server.ts', ...compositionRoots, ...surfaces]

export const layers: Readonly<Record<string, Layer>> = {
  'src/main.ts': { values: ['src/run.ts', 'src/kernel'] },
  'src/run.ts': { values: ['src/service.ts', 'src/cli', 'src/config.ts', 'src/kernel'] },
  'src/service.ts': { values: entry },
  'src/cli': { values: [...entry, 'src/service.ts', 'src/client'] },
  'src/server.ts': { values: surfaces, types: compositionRoots },
  'src/context.ts': {
    values: ['src/config.ts', 'src/mcp', 'src/admin', 'src/outbox', ...governed],
  },
  'src/config.ts': { values: ['src/kernel'] },

  'src/http': { values: ['src/mcp', ...governed], types: compositionRoots },
  'src/mcp': { values: governed, types: compositionRoots },
  'src/operator': { values: [...authority, 'system-zone'], types: compositionRoots },
  'src/gate': {
    values: ['src/admin', 'src/policy', 'src/audit', ...records, 'tools'],
    types: compositionRoots,
  },
  'src/sts': {
    values: ['src/policy', 'src/outbox', 'src/audit', ...records, 'tools', 'system-zone'],
    types: compositionRoots,
  },
  'src/admin': {
    values: ['src/policy', 'src/outbox', 'src/audit', ...records, 'tools'],
    types: compositionRoots,
  },
  'src/policy': { values: [...records, 'policies'], types: compositionRoots },
  'src/outbox': { values: ['src/audit', ...records], types: ['tools'] },
  'src/audit': { values: records, types: [...compositionRoots, 'tools'] },
  'src/store': { values: ['src/kernel'], types: compositionRoots },
  'src/kernel': { values: [] },

  'src/client': { values: [], types: declarations },
  'src/console': { values: ['src/client'], types: declarations },

  tools: { values: ['src/kernel'], packages: ['zod'] },
  'system-zone': { values: declarations, packages: ['zod'] },
  policies: { values: ['src/kernel'] },
}
