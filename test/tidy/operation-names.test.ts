import { expect, test } from 'vitest'
import { operationNames } from './habits.ts'
import { programSources, sourceOf } from './source.ts'

/**
 * Where an operation may be named: its handler, the token service that knows which of them reads
 * and which applies, the grammar of the built-in planner, and the two surfaces with hand-made
 * commands or routes.
 */
const speakers = ['src/admin/', 'src/sts/', 'src/operator/planner', 'src/cli/', 'src/http/']

/** Folders that serve operations of their own, and may name those. */
const servers: Readonly<Record<string, RegExp>> = {
  'src/operator/': /^(?:(?:plans|conversations|operator|autopilot)\.|policies\.draft$)/,
}

/** Literals that are also the name of something else, by file. */
const homonyms: Readonly<Record<string, readonly string[]>> = {}

const { catalogue } = await import('../../tools/catalogue.ts')
const ids: ReadonlySet<string> = new Set(catalogue.map((operation) => operation.id))

test('src names no particular operation', () => {
  const machine = programSources().filter(
    ({ path }) => path.startsWith('src/') && !speakers.some((speaker) => path.startsWith(speaker)),
  )
  const found = machine.flatMap((source) => {
    const known = homonyms[source.path] ?? []
    const own = Object.entries(servers).find(([folder]) => source.path.startsWith(folder))?.[1]
    const foreign = [...ids].filter((id) => !known.includes(id) && own?.test(id) !== true)
    return operationNames(source, new Set(foreign))
  })
  expect(found).toEqual([])
})

test('a planted name is seen', () => {
  const [id = ''] = ids
  expect(id).not.toBe('')
  const texts = [`run('${id}')`, `const handlers = { '${id}': run }`, `run(\`${id}\`)`]
  for (const text of texts) {
    expect(operationNames(sourceOf('src/gate/planted.ts', text), ids)).toHaveLength(1)
  }
})
