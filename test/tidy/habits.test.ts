import { describe, expect, test } from 'vitest'
import { commentViolations, consoleUses, environmentReads, plainClasses } from './habits.ts'
import { commentsOf, programSources, sourceOf, type Source } from './source.ts'

const sources = programSources()
const product = sources.filter(({ path }) => !/^(?:scripts|bench|test)\//.test(path))

function planted(text: string): Source {
  return sourceOf('src/gate/planted.ts', text)
}

describe('the environment is read once', () => {
  /** `launch.js` runs on Nodes too old for config.ts, to say so or to start the right one. */
  const readers = ['src/config.ts', 'src/cli/launch.js']

  test('only config.ts reads it', () => {
    const others = product.filter(({ path }) => !readers.includes(path))
    expect(others.flatMap(environmentReads)).toEqual([])
  })

  test.each([
    `const url = process.env.DATABASE_URL`,
    `const url = process['env'].DATABASE_URL`,
    `const url = globalThis.process.env['DATABASE_URL']`,
    `const { env } = process`,
    `const { env: settings } = process`,
    `import { env } from 'node:process'`,
    `import { env as settings } from 'process'`,
  ])('%s is seen', (text) => {
    expect(environmentReads(planted(text))).toHaveLength(1)
  })

  test.each([`const id = process.pid`, `const { pid } = process`, `spawn(file, { env })`])(
    '%s is not',
    (text) => {
      expect(environmentReads(planted(text))).toEqual([])
    },
  )
})

describe('the service logs', () => {
  test('only the command line talks to a terminal', () => {
    const silent = product.filter(({ path }) => !path.startsWith('src/cli/'))
    expect(silent.flatMap(consoleUses)).toEqual([])
  })

  test('console.log and its kin are seen', () => {
    expect(consoleUses(planted(`console.log(1)\nconsole.error(2)\nlog.info(3)`))).toHaveLength(2)
  })
})

describe('classes are errors or own a resource', () => {
  test('there are no others', () => {
    expect(sources.flatMap(plainClasses)).toEqual([])
  })

  test.each([
    [`class Manager { run() {} }`, 1],
    [`const Manager = class extends EventEmitter {}`, 1],
    [`class Lost extends Error {}`, 0],
    [`class Lost extends StartupError {}`, 0],
    [`class Lock { async [Symbol.asyncDispose]() {} }`, 0],
    [`class Lock { [Symbol.dispose]() {} }`, 0],
  ])('%s breaks %i rules', (text, broken) => {
    expect(plainClasses(planted(text))).toHaveLength(broken)
  })
})

describe('comments say why', () => {
  test('none narrates, postpones or keeps dead code', () => {
    expect(sources.flatMap(commentViolations)).toEqual([])
  })

  test.each([
    `// TODO: the other case`,
    `/* FIXME */`,
    `/** HACK around the driver. */`,
    `// Now we load the policy`,
    `// Previously this was a map.`,
    `// const grants = await load(zone)`,
    `// return refuse('not_found', 'no such zone')`,
    `// await db.destroy()`,
    `// if (zone.archived) {`,
    `// }`,
    `// import { b } from './b.ts'`,
    `const a = 1 // FIXME`,
    `function f() {\n  // TODO\n}`,
  ])('%s is refused', (text) => {
    expect(commentViolations(planted(text))).toHaveLength(1)
  })

  test.each([
    `// If the lock is held, the second starter is refused (RFC 9562 section 5.7).`,
    `// Return the first result: applying twice is one change.`,
    `// For every zone there is one key.`,
    `// while there is news`,
    `/** Opens it: \`const db = await open(url)\`. */`,
    `const marker = 'TODO'`,
    'const text = `// TODO`',
    `const url = 'http://localhost' // A loopback address needs no certificate.`,
  ])('%s is fine', (text) => {
    expect(commentViolations(planted(text))).toEqual([])
  })

  test('every comment is read, once', () => {
    const text = `// a\nf(/* b */ 1) // c\n/** d */\nfunction f() {\n  // e\n}\n// g\n`
    expect(commentsOf(planted(text)).map((comment) => comment.text)).toEqual([
      '// a',
      '/* b */',
      '// c',
      '/** d */',
      '// e',
      '// g',
    ])
  })
})
