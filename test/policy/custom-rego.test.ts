import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { createRequire } from 'node:module'
import { afterAll, describe, expect, test } from 'vitest'
import { limits } from '../../src/kernel/limits.ts'
import { customBuiltins } from '../../src/policy/custom-builtins-table.ts'
import { createCustomRunner } from '../../src/policy/custom-runner.ts'
import { createRegoCompiler } from '../../src/policy/rego-compiler.ts'
import { endless } from '../support/endless-rego.ts'
import { opa } from '../support/opa.ts'
import { caught } from '../support/refused.ts'

const compiler = createRegoCompiler(opa)
const runner = createCustomRunner()

afterAll(() => runner[Symbol.asyncDispose]())

function inAuthz(rules: string): string {
  return `package caracal.authz\n\n${rules}\n`
}

describe.skipIf(opa === null)('custom Rego', () => {
  test.each([
    ['a syntax error', 'deny contains "x" if {', 4, /unexpected eof/],
    ['a builtin of the network', 'deny contains "x" if http.send({})', 3, /http\.send/],
    ['the clock', 'deny contains "x" if time.now_ns() > 0', 3, /time\.now_ns/],
    ['chance', 'deny contains "x" if rand.intn("a", 2) == 1', 3, /rand\.intn/],
    ['a new id', 'deny contains uuid.rfc4122("a")', 3, /uuid\.rfc4122/],
    ['a name of the network', 'deny contains "x" if net.lookup_ip_addr("a")', 3, /net\.lookup/],
    ['the host', 'deny contains opa.runtime().env.HOME', 3, /opa\.runtime/],
    ['a builtin that the SDK stands in for', 'deny contains sprintf("%d", [1])', 3, /sprintf/],
    ['printing', 'deny contains "x" if print(input)', 3, /print/],
    ['an unknown fact', 'deny contains "x" if input.principal.labls', 3, /labls/],
    ['an unknown fact in a list', 'deny contains g if { some g in input.grants[_].who }', 3, /who/],
    ['data', 'deny contains "x" if data.secrets.all', 3, /no data/],
    ['all data', 'deny contains x if { some x in data }', 3, /recursive/],
    ['an import of data', 'import data.users\n\ndeny contains "x" if users.a', 3, /no data/],
    ['a rule that is no set', 'deny := {"x"}', 3, /deny contains/],
    ['a default', 'default deny := set()', 3, /deny contains/],
    ['no rule of either set', 'allow contains "x"', 1, /deny or require_approval/],
    ['a variable that is not safe', 'deny contains x if not x', 3, /unsafe/],
  ])('with %s is refused with its place', async (_name, rules, line, message) => {
    const fault = await caught(compiler.compile(inAuthz(rules)))
    expect(fault.code).toBe('invalid_document')
    const [issue] = fault.details?.['issues'] as { line: number; column: number; message: string }[]
    expect(issue).toMatchObject({ line, message: expect.stringMatching(message) as unknown })
    expect(issue?.column).toBeGreaterThan(0)
  })

  test('of another package, or too long, is refused without a compiler', async () => {
    for (const source of [
      'package other\n\ndeny contains "x"\n',
      inAuthz(`# ${'x'.repeat(limits.customPolicyBytes)}\ndeny contains "x"`),
    ]) {
      const fault = await caught(createRegoCompiler(null).compile(source))
      expect(fault.code).toBe('invalid_document')
    }
  })

  test('compiles to the same bytes wherever and whenever it is compiled', async () => {
    const source = inAuthz('deny contains "x" if "a" in input.scopes')
    const [first, second] = await Promise.all([
      createRegoCompiler(opa).compile(source),
      createRegoCompiler(opa).compile(source),
    ])
    expect(second).toEqual(first)
    expect(first.digest).toMatch(/^sha256:[0-9a-f]{64}$/)
  })

  test.each([
    ['deny contains "x" if "a" in input.scopes', false],
    ['deny contains "x" if input.context.hops > 1', true],
    ['deny contains "x" if { some key in object.keys(input); key == "a" }', true],
    ['import input.principal as who\n\ndeny contains "x" if who.kind == "dcr"', false],
    ['deny contains "x" if input[key].hops > 1', true],
  ])('knows whether %s reads the context', async (rules, readsContext) => {
    expect((await compiler.compile(inAuthz(rules))).readsContext).toBe(readsContext)
  })

  test('brings every builtin that it may call along in its own wasm', async () => {
    const { stdout } = await promisify(execFile)(opa ?? '', ['capabilities', '--current'])
    const known = (JSON.parse(stdout) as { builtins: { name: string; decl: Declaration }[] })
      .builtins
    const called = known.filter(({ name }) => customBuiltins.has(name) && /\w/.test(name))
    expect(called.map(({ name }) => name).sort()).toEqual([...customBuiltins].sort())
    const rules = called
      .filter(({ name }) => !/^(?:assign|eq|internal\.)/.test(name))
      .map(({ name, decl }, index) => {
        const args = (decl.args ?? []).map(() => 'input.documents.risk').join(', ')
        return `deny contains "${String(index)}" if ${name}(${args})`
      })
    const { wasm } = await compiler.compile(inAuthz(rules.join('\n')))
    expect(sdkBuiltins(wasm)).toEqual({})
  })
})

interface Declaration {
  readonly args?: readonly unknown[]
}

interface Library {
  readonly loadPolicySync: (wasm: Uint8Array) => {
    readonly mem: { readonly buffer: ArrayBuffer }
    readonly wasmInstance: {
      readonly exports: { builtins(): number; opa_json_dump(at: number): number }
    }
  }
}

/** The builtins that a module expects its host to provide. */
function sdkBuiltins(wasm: Buffer): unknown {
  const { loadPolicySync } = createRequire(import.meta.url)(
    '@open-policy-agent/opa-wasm',
  ) as Library
  const policy = loadPolicySync(wasm)
  const { exports } = policy.wasmInstance
  const from = exports.opa_json_dump(exports.builtins())
  const bytes = new Uint8Array(policy.mem.buffer)
  return JSON.parse(Buffer.from(bytes.slice(from, bytes.indexOf(0, from))).toString())
}

async function outcomes(rules: string, inputs: readonly unknown[]) {
  const { digest, wasm } = await compiler.compile(inAuthz(rules))
  return runner.run(digest, () => Promise.resolve(wasm), inputs)
}

describe.skipIf(opa === null)('an evaluation', () => {
  const input = { scopes: ['a'], context: { hops: 1 } }

  test('says what denies and what has to be approved', async () => {
    const rules = `
      deny contains "no b" if "b" in input.scopes
      require_approval contains "high" if "c" in input.scopes`
    expect(
      await outcomes(
        rules,
        ['a', 'b', 'c'].map((scope) => ({ scopes: [scope] })),
      ),
    ).toEqual([
      { deny: [], require_approval: [] },
      { deny: ['no b'], require_approval: [] },
      { deny: [], require_approval: ['high'] },
    ])
  })

  test('that does not end is ended, and the next one is heard', async () => {
    expect(await outcomes(endless, [input, input])).toEqual([
      'custom_policy_timeout',
      'custom_policy_timeout',
    ])
    expect(await outcomes('deny contains "y"', [input])).toEqual([
      { deny: ['y'], require_approval: [] },
    ])
  })

  test('that never ends in time is refused unheard after some attempts', async () => {
    const other = endless.replace('contains "x"', 'contains "y"')
    for (let attempt = 0; attempt < 5; attempt += 1)
      expect(await outcomes(other, [input])).toEqual(['custom_policy_timeout'])
  })

  test.each([
    [
      'too many messages',
      'deny contains x if { some n in numbers.range(1, 100); x := format_int(n, 10) }',
    ],
    ['messages that are no text', 'deny contains 7'],
    ['an empty message', 'deny contains ""'],
    ['a control character', 'deny contains "a\\u0007b"'],
    ['a long message', `deny contains "${'x'.repeat(300)}"`],
    [
      'more than the memory holds',
      'deny contains x if { a := numbers.range(1, 400000); x := concat(",", [format_int(n, 10) | some n in a]) }',
    ],
  ])('with %s fails', async (_name, rules) => {
    const [outcome] = await outcomes(rules, [input])
    // A large one may be ended for its time before its memory; either way it denies.
    expect(['custom_policy_failed', 'custom_policy_timeout']).toContain(outcome)
    expect(await outcomes('deny contains "z"', [input])).toEqual([
      { deny: ['z'], require_approval: [] },
    ])
  })

  test('of a module that cannot be read, or is none, fails', async () => {
    const missing = () => Promise.reject(new Error('gone'))
    expect(await runner.run('sha256:gone', missing, [input])).toEqual(['custom_policy_failed'])
    const broken = () => Promise.resolve(Buffer.from('no wasm'))
    expect(await runner.run('sha256:broken', broken, [input])).toEqual(['custom_policy_failed'])
  })

  test('of many at once answers each with its own', async () => {
    const { digest, wasm } = await compiler.compile(
      inAuthz('deny contains x if { some x in input.scopes }'),
    )
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        runner.run(digest, () => Promise.resolve(wasm), [{ scopes: [`s${String(i)}`] }]),
      ),
    )
    expect(answers.map(([one]) => (typeof one === 'object' ? one.deny[0] : one))).toEqual(
      Array.from({ length: 200 }, (_, i) => `s${String(i)}`),
    )
  })
})
