import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { isFault, type Fault } from '../../src/kernel/faults.ts'
import { limits } from '../../src/kernel/limits.ts'
import type { DocumentSet } from '../../src/policy/document-schemas.ts'
import { parseDocument, type DocumentLanguage } from '../../src/policy/documents.ts'
import { billing, documents } from './inputs.ts'

const header = '# caracal:data-document\npackage caracal.authz\n'

function refusalOf(language: DocumentLanguage, source: string): Fault {
  try {
    parseDocument({ language, source })
  } catch (error) {
    if (isFault(error)) return error
    throw error
  }
  throw new Error('the document was accepted')
}

function firstIssue(language: DocumentLanguage, source: string): unknown {
  const fault = refusalOf(language, source)
  expect(fault.code).toBe('invalid_document')
  return (fault.details?.['issues'] as unknown[])[0]
}

describe('the same value in three languages', () => {
  const expected: DocumentSet = {
    app_ids: { billing },
    restrict: ['a', 'b'],
    risk: [{ scope: 'invoices:*', tier: 'high' }],
    approval_tiers: [{ tier: 'high', approver: 'finance', ttl_seconds: 600 }],
  }

  test('JSON', () => {
    const source = `{"app_ids":{"billing":"${billing}"},"restrict":["b","a","b"],
      "risk":[{"scope":"invoices:*","tier":"high"}],
      "approval_tiers":[{"tier":"high","approver":"finance","ttl_seconds":600}]}`
    expect(parseDocument({ language: 'json', source })).toEqual(expected)
  })

  test('YAML', () => {
    const source = `# who is who
app_ids: { billing: ${billing} }
restrict: [b, a, b]
risk:
  - scope: 'invoices:*'
    tier: high
approval_tiers: [{ tier: high, approver: finance, ttl_seconds: 600 }]
`
    expect(parseDocument({ language: 'yaml', source })).toEqual(expected)
  })

  test('Rego', () => {
    const source = `${header}
import rego.v1

# who is who
app_ids := {"billing": \`${billing}\`}

restrict := {"b", "a", "b",}
risk := [{
  "scope": "invoices:\\u002a", # a pattern
  "tier": "high",
}]
approval_tiers :=
  {{"tier": "high", "approver": "finance", "ttl_seconds": 6e2}}
`
    expect(parseDocument({ language: 'rego', source })).toEqual(expected)
  })

  test('one kind by itself', () => {
    const kind = 'restrict'
    expect(parseDocument({ language: 'json', kind, source: '["x"]' })).toEqual({ restrict: ['x'] })
    expect(parseDocument({ language: 'yaml', kind, source: '- x' })).toEqual({ restrict: ['x'] })
    const source = `${header}restrict := {"x"}`
    expect(parseDocument({ language: 'rego', kind, source })).toEqual({ restrict: ['x'] })
    expect(() => parseDocument({ language: 'rego', kind, source: `${header}risk := []` })).toThrow(
      'only "restrict" is expected here',
    )
  })

  test('empty sets, arrays and objects', () => {
    const source = `${header}restrict := set()\nrisk := []\napp_ids := {}`
    expect(parseDocument({ language: 'rego', source })).toEqual({
      restrict: [],
      risk: [],
      app_ids: {},
    })
  })
})

describe('what is wrong is told with its line and column', () => {
  const table: readonly (readonly [string, DocumentLanguage, string, number, number, string])[] = [
    // JSON
    ['not JSON', 'json', '{"restrict": [x]}', 1, 15, 'a JSON value'],
    ['a comment in JSON', 'json', '{\n// no\n}', 2, 1, 'a JSON value'],
    ['a trailing comma in JSON', 'json', '{"restrict": ["x",]}', 1, 19, 'a JSON value'],
    ['text after JSON', 'json', '{"restrict": []} {}', 1, 18, 'end of the document'],
    ['an empty text', 'json', '', 1, 1, 'a JSON value'],
    ['a raw string in JSON', 'json', '{"restrict": [`x`]}', 1, 15, 'a JSON value'],
    ['an open string', 'json', '{"restrict": ["x', 1, 15, 'not closed'],
    ['a line break in a string', 'json', '{"restrict": ["x\n"]}', 1, 17, 'line breaks'],
    ['no escape', 'json', '{"restrict": ["\\x"]}', 1, 17, 'no escape'],
    ['a leading zero', 'json', '{"risk": 01}', 1, 11, 'expected ","'],
    ['an endless number', 'json', '{"risk": 1e999}', 1, 10, 'too large'],
    ['a key that is no string', 'json', '{1: 2}', 1, 2, 'must be a string'],
    ['a repeated key', 'json', '{"risk": [],\n"risk": []}', 2, 1, 'written twice'],
    ['a list of documents', 'json', '[]', 1, 1, 'at least one document'],
    ['no document', 'json', '{}', 1, 1, 'at least one document'],
    // YAML
    ['not YAML', 'yaml', 'restrict: [x', 1, 13, 'Flow sequence'],
    ['two YAML documents', 'yaml', 'restrict: []\n---\nrisk: []\n', 2, 1, 'multiple documents'],
    ['an alias', 'yaml', 'restrict: &x [a]\nrisk: *x\n', 2, 7, 'aliases are not read'],
    ['a tag', 'yaml', 'restrict: !env [x]', 1, 11, 'Unresolved tag'],
    ['a key that is a number', 'yaml', 'app_ids: { 1: x }', 1, 12, 'must be a string'],
    ['a repeated YAML key', 'yaml', 'risk: []\nrisk: []\n', 2, 1, 'written twice'],
    ['a YAML infinity', 'yaml', 'risk: .inf', 1, 7, 'finite number'],
    // Rego
    ['no header', 'rego', 'package caracal.authz\n', 1, 1, 'the first line'],
    [
      'another package',
      'rego',
      '# caracal:data-document\npackage system\n',
      2,
      1,
      'package caracal.authz',
    ],
    [
      'no package',
      'rego',
      '# caracal:data-document\nrestrict := {}\n',
      2,
      1,
      'package caracal.authz',
    ],
    ['another import', 'rego', `${header}import data.x\n`, 3, 1, 'rego.v1'],
    ['a late import', 'rego', `${header}restrict := set()\nimport rego.v1\n`, 4, 8, ':='],
    ['a variable', 'rego', `${header}restrict := {x}`, 3, 14, 'a constant'],
    ['a reference', 'rego', `${header}restrict := input.x`, 3, 13, 'a constant'],
    ['a call', 'rego', `${header}restrict := {upper("x")}`, 3, 14, 'a constant'],
    ['arithmetic', 'rego', `${header}risk := 1 + 1`, 3, 11, 'only a constant'],
    ['a comprehension', 'rego', `${header}risk := [x | x := 1]`, 3, 10, 'a constant'],
    ['a constant comprehension', 'rego', `${header}risk := [1 | true]`, 3, 12, 'expected ","'],
    ['a condition', 'rego', `${header}restrict := {"x"} if true`, 3, 19, 'only a constant'],
    ['a condition on the next line', 'rego', `${header}restrict := {"x"}\nif true`, 4, 4, ':='],
    ['a body', 'rego', `${header}restrict := {"x"} { true }`, 3, 19, 'only a constant'],
    ['a partial rule', 'rego', `${header}restrict contains "x"`, 3, 10, ':='],
    ['a unification', 'rego', `${header}restrict = {"x"}`, 3, 10, ':='],
    ['a default', 'rego', `${header}default restrict := {"x"}`, 3, 9, ':='],
    ['a function', 'rego', `${header}restrict(x) := 1`, 3, 9, ':='],
    ['a template string', 'rego', `${header}restrict := {$"x"}`, 3, 14, 'a constant'],
    [
      'two rules on a line',
      'rego',
      `${header}restrict := {"x"} risk := []`,
      3,
      19,
      'only a constant',
    ],
    ['an object and a set', 'rego', `${header}restrict := {"x": 1, "y"}`, 3, 25, 'expected ":"'],
    ['an open raw string', 'rego', `${header}restrict := {\`x`, 3, 14, 'not closed'],
    ['a repeated rule', 'rego', `${header}risk := []\nrisk := []`, 4, 1, 'written twice'],
    // keys that reach prototypes
    ['__proto__ in JSON', 'json', '{"app_ids": {"__proto__": 1}}', 1, 14, 'reserved'],
    ['__proto__ in YAML', 'yaml', 'app_ids:\n  __proto__: x\n', 2, 3, 'reserved'],
    ['__proto__ in Rego', 'rego', `${header}__proto__ := {}`, 3, 1, 'reserved'],
    ['constructor as a kind', 'json', '{"constructor": {}}', 1, 2, 'reserved'],
    ['an escaped __proto__', 'json', '{"\\u005f_proto__": {}}', 1, 2, 'reserved'],
    // values
    ['an unknown kind', 'yaml', 'restict: []', 1, 1, 'is no document'],
    ['a wrong type', 'yaml', 'restrict: x', 1, 11, 'expected array'],
    [
      'an unknown key',
      'yaml',
      'risk:\n  - { scope: a, tier: b, why: c }',
      2,
      31,
      '"why" is not known',
    ],
    ['a missing key', 'yaml', 'risk:\n  - { scope: a }', 2, 5, 'expected string'],
    [
      'a pattern with an inner star',
      'json',
      '{"risk": [{"scope": "*:read", "tier": "x"}]}',
      1,
      21,
      '"*"',
    ],
    [
      'the tier none',
      'json',
      '{"risk": [{"scope": "x", "tier": "none"}]}',
      1,
      34,
      'leave the scope out',
    ],
    ['no application id', 'yaml', 'app_ids: { x: y }', 1, 15, 'application id'],
    [
      'an id as a readable name',
      'yaml',
      `app_ids: { ${billing}: ${billing} }`,
      1,
      44,
      'must not look like',
    ],
    [
      'a repeated tier',
      'yaml',
      'approval_tiers: [{ tier: a, approver: b, ttl_seconds: 1 }, { tier: a, approver: b, ttl_seconds: 2 }]',
      1,
      68,
      'written twice',
    ],
  ]

  test.each(table)('%s', (_name, language, source, line, column, message) => {
    const issue = firstIssue(language, source)
    expect(issue).toMatchObject({ line, column, message: expect.stringContaining(message) })
  })

  const whens: readonly (readonly [string, string, string])[] = [
    ['an unknown clause', '{ moon: [full] }', 'not known here'],
    ['a day that is none', '{ days: [monday] }', 'Invalid option'],
    ['a time that is none', "{ between: ['9:00', '17:00'] }", 'time of day'],
    ['a window of no length', "{ between: ['09:00', '09:00'] }", 'leave it out'],
    ['a window of three', "{ between: ['09:00', '10:00', '11:00'] }", 'Too big'],
    ['a time zone that is none', "{ days: [mon], timezone: 'Mars/Olympus' }", 'IANA time zone'],
    ['a time zone for nothing', '{ timezone: UTC }', 'no effect without'],
    ['a network without bits', '{ source_cidrs: [10.0.0.0] }', 'a network such as'],
    ['a network of too many bits', '{ source_cidrs: [10.0.0.0/33] }', 'a network such as'],
    ['a host name', '{ source_cidrs: [example.org/8] }', 'a network such as'],
    ['an empty list', '{ applications: [] }', 'Too small'],
    ['hops below nothing', '{ max_hops: -1 }', 'Too small'],
  ]

  test.each(whens)('when: %s', (_name, when, message) => {
    const source = `conditions:\n  - { id: a, effect: deny, reason: x, when: ${when} }\n`
    const issue = firstIssue('yaml', source)
    expect(issue).toMatchObject({ line: 2, message: expect.stringContaining(message) })
  })

  test('a count is for require_approval only', () => {
    const source = 'plan_rules: [{ id: a, effect: deny, count: 2, when: {}, reason: x }]'
    expect(firstIssue('yaml', source)).toMatchObject({ line: 1, path: 'plan_rules.0.count' })
  })

  test('the message of the fault says where and what', () => {
    expect(refusalOf('yaml', 'risk:\n  - { scope: a, tier: 7 }').message).toMatch(
      /^line 2, column 23: risk\.0\.tier: .*string/,
    )
  })
})

describe('limits', () => {
  const deep = limits.documentDepth + 1

  test.each([
    ['json', '['.repeat(deep)],
    ['json', '{"a":'.repeat(100_000 / 5)],
    ['yaml', '['.repeat(deep) + ']'.repeat(deep)],
    ['yaml', '['.repeat(50_000)],
    ['yaml', Array.from({ length: 200 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['rego', `${header}risk := ${'['.repeat(100_000)}`],
  ] as const)('%s nested too deeply', (language, source) => {
    expect(refusalOf(language, source).code).toBe('invalid_document')
  })

  test('a document that is too large', () => {
    const source = JSON.stringify({ restrict: ['x'.repeat(limits.documentBytes)] })
    expect(refusalOf('json', source).message).toContain(String(limits.documentBytes))
  })

  test('a list that is too long', () => {
    const restrict = Array.from({ length: limits.documentEntries + 1 }, (_, index) => `r${index}`)
    expect(refusalOf('json', JSON.stringify({ restrict })).message).toContain('restrict')
  })

  test('a bomb of aliases', () => {
    const lines = Array.from({ length: 9 }, (_, level) =>
      level === 0 ? 'a0: &a0 [x, x]' : `a${level}: &a${level} [${`*a${level - 1},`.repeat(9)}]`,
    )
    expect(refusalOf('yaml', lines.join('\n')).message).toContain('aliases are not read')
  })

  test('no more than fifty issues are told', () => {
    const risk = Array.from({ length: 200 }, () => ({ scope: 7 }))
    const { details } = refusalOf('json', JSON.stringify({ risk }))
    expect(details?.['issues']).toHaveLength(50)
  })
})

/** A value as Rego writes it: lists of distinct strings as sets, the rest as JSON is. */
function regoTerm(value: unknown, sets: boolean): string {
  if (Array.isArray(value)) {
    const items = value.map((item) => regoTerm(item, sets))
    if (sets && items.length > 0 && new Set(items).size === items.length) {
      return `{${items.join(', ')},}`
    }
    return `[${items.join(',\n')}]`
  }
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(
      ([key, item]) => `${JSON.stringify(key)}: ${regoTerm(item, sets)}`,
    )
    return `{${fields.join(', # next\n')}}`
  }
  return typeof value === 'string' && !/[`\r]/.test(value) ? `\`${value}\`` : JSON.stringify(value)
}

test('every set of documents is the same in JSON, YAML and Rego', () => {
  fc.assert(
    fc.property(documents, fc.boolean(), (set, sets) => {
      const json = parseDocument({ language: 'json', source: JSON.stringify(set) })
      const yaml = parseDocument({
        language: 'yaml',
        source: stringify(set, { aliasDuplicateObjects: false }),
      })
      const rules = Object.entries(set).map(
        ([kind, value]) => `${kind} := ${regoTerm(value, sets)}`,
      )
      const rego = parseDocument({ language: 'rego', source: `${header}${rules.join('\n')}\n` })
      expect(json).toEqual(set)
      expect(yaml).toEqual(json)
      expect(rego).toEqual(json)
    }),
    { numRuns: 300 },
  )
})

test('no text makes a parser throw anything but a refusal', () => {
  const languages = fc.constantFrom('json' as const, 'yaml' as const, 'rego' as const)
  const token = fc.constantFrom(
    ...'{}[]():=,"`#|&*!%@-?<>\n\t \\'.split(''),
    ...[
      'restrict',
      ':=',
      'set(',
      'true',
      '"x"',
      '1e9',
      '\\u00',
      '- ',
      '\r\n',
      '\u2028',
      '\ufeff',
      '\0',
      '<<: ',
    ],
    ...[
      'package caracal.authz\n',
      '# caracal:data-document\n',
      'import rego.v1',
      '---',
      '...',
      '? ',
    ],
  )
  const noise = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(token, { maxLength: 60 }).map((tokens) => tokens.join('')),
    fc.array(token, { maxLength: 60 }).map((tokens) => header + tokens.join('')),
  )
  fc.assert(
    fc.property(languages, noise, (language, source) => {
      try {
        parseDocument({ language, source })
      } catch (error) {
        expect(isFault(error) && error.code).toBe('invalid_document')
      }
    }),
    { numRuns: 3_000 },
  )
})

// What bounds the time is the test's own limit: one that backtracked would never come back.
test('the largest hostile texts are refused in bounded time', () => {
  const size = limits.documentBytes - 100
  const hostile: readonly (readonly [DocumentLanguage, string])[] = [
    ['json', '['.repeat(size)],
    ['json', `"${'\\u0041'.repeat(size / 6)}`],
    ['json', `{${Array.from({ length: size / 12 }, (_, key) => `"k${key}":1`).join(',')}}`],
    ['yaml', '['.repeat(size)],
    ['yaml', '{'.repeat(size)],
    ['yaml', '- '.repeat(size / 2)],
    ['yaml', '? '.repeat(size / 2)],
    ['yaml', Array.from({ length: size / 12 }, (_, key) => `k${key}: 1`).join('\n')],
    ['yaml', `a: "${'\\n'.repeat(size / 2 - 10)}`],
    ['yaml', `${' '.repeat(size)}a`],
    ['yaml', '&a '.repeat(size / 3)],
    ['yaml', '!a '.repeat(size / 3)],
    ['rego', `${header}${'#\n'.repeat(size / 2 - 50)}`],
    ['rego', `${header}restrict := {${'"x",'.repeat(size / 4 - 50)}`],
  ]
  for (const [language, source] of hostile) {
    expect(refusalOf(language, source).code).toBe('invalid_document')
  }
})
