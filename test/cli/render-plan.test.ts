import fc from 'fast-check'
import pc from 'picocolors'
import { describe, expect, test } from 'vitest'
import { accessSentences } from '../../src/cli/render-access.ts'
import { renderPlan, renderPreview } from '../../src/cli/render-plan.ts'
import { localTime } from '../../src/cli/render-value.ts'
import { changed, plan, preview, step, tuple } from './plan-fixture.ts'

const screen = { columns: 100, paint: pc.createColors(false) }

test('a plan shows all that is approved, in this form', () => {
  const created = changed('create', [
    ['application_id', null, 'app_01'],
    ['resource_id', null, 'res_01'],
    ['scopes', null, ['invoices:read']],
    ['expires_at', null, '2026-11-27T23:59:00.000Z'],
  ])
  const until = localTime('2026-11-27T23:59:00.000Z')
  const text = renderPlan(
    plan({
      preview: preview({
        steps: [step({ changes: [created], risk_reasons: ['grants an administrative scope'] })],
        access: { gained: [tuple()], lost: [], newly_gated: [] },
        warnings: ['A secret is generated at apply.'],
      }),
    }),
    screen,
  )
  expect(text).toBe(
    `Plan plan_01  pending approval
  digest     sha256:${'a'.repeat(64)}
  asked by   alice (chat)
  zone       zone_01
  in words   “let billing-agent read invoices”
  summary    Grant billing-agent invoices:read on Invoices.

+ Grant billing-agent invoices:read on Invoices
    grant grt_01
      application id  app_01 (billing-agent)
      resource id     res_01 (Invoices)
      scopes          invoices:read
      expires at      ${until}

Access
  + billing-agent gains invoices:read on Invoices (until ${until})

Risk      medium risk, can be undone
          because it grants an administrative scope
Approval  one person must approve (access_gained)

Note  A secret is generated at apply.`,
  )
})

describe('steps', () => {
  const lines = (...steps: ReturnType<typeof step>[]): readonly string[] =>
    (renderPreview(preview({ steps }), screen).split('\n\nAccess')[0] ?? '').split('\n')

  test.each([
    ['a list', ['scopes', ['a', 'b'], ['b', 'c']], ['      scopes  -a, b, +c']],
    ['the order of a list', ['scopes', ['a', 'b'], ['b', 'a']], ['      scopes  a, b -> b, a']],
    ['an emptied list', ['labels', ['a'], []], ['      labels  -a']],
    ['a text', ['name', 'old', 'new'], ['      name  old -> new']],
    [
      'a text that goes',
      ['upstream_url', 'https://x', null],
      ['      upstream url  https://x -> -'],
    ],
    ['a switch', ['dcr_enabled', false, true], ['      dcr enabled  false -> true']],
    ['an empty text', ['description', 'x', ''], ['      description  x -> ""']],
    [
      'a document',
      ['source', 'a: 1\nb: 2\n', 'a: 1\nb: 3\n'],
      [
        '      source  before',
        '        a: 1',
        '        b: 2',
        '              after',
        '        a: 1',
        '        b: 3',
      ],
    ],
  ] as const)('%s is shown before and after', (_, field, shown) => {
    const update = step({
      effect: 'update',
      summary: 'Change it',
      changes: [changed('update', [field])],
    })
    expect(lines(update)).toEqual(['~ Change it', '    grant grt_01', ...shown])
  })

  test('what is archived is shown with what it was', () => {
    const archive = changed('archive', [
      ['scopes', ['a'], null],
      ['archived_at', null, '2026-11-24T05:00:00.000Z'],
    ])
    const at = localTime('2026-11-24T05:00:00.000Z')
    expect(lines(step({ effect: 'delete', summary: 'Revoke', changes: [archive] }))).toEqual([
      '- Revoke',
      '    grant grt_01',
      '      scopes       a',
      `      archived at  - -> ${at}`,
    ])
  })

  test('several are numbered, and say what is blocked and what is so already', () => {
    const blocked = { code: 'resource_name_taken', message: 'The name is taken.' }
    expect(
      lines(
        step({ summary: 'One', effect: 'no-op' }),
        step({ summary: 'Two', effect: 'blocked', blocked, input: { name: 'x' } }),
      ),
    ).toEqual([
      '= 1. One',
      '    nothing changes: it is so already',
      '',
      '! 2. Two',
      '    blocked: The name is taken. (resource_name_taken)',
      '    grants.create {"name":"x"}',
    ])
  })
})

describe('access as sentences', () => {
  const until = new Map([
    ['grant:grt_01', '2026-11-27 23:59'],
    ['grant:grt_02', '2026-12-01 10:00'],
  ])

  test.each([
    [
      'scopes of one go together',
      [tuple(), tuple({ scope: 'invoices:write' })],
      ['billing-agent gains invoices:read, invoices:write on Invoices (until 2026-11-27 23:59)'],
    ],
    [
      'users and applications do not',
      [tuple({ rules: [] }), tuple({ rules: [], user_id: 'alice@example.com' })],
      [
        'billing-agent gains invoices:read on Invoices',
        'billing-agent for alice@example.com gains invoices:read on Invoices',
      ],
    ],
    [
      'two grants hold as long as the later',
      [tuple({ rules: ['grant:grt_01', 'grant:grt_02'] })],
      ['billing-agent gains invoices:read on Invoices (until 2026-12-01 10:00)'],
    ],
    [
      'a grant without end has none',
      [tuple({ rules: ['grant:grt_01', 'grant:grt_09'] })],
      ['billing-agent gains invoices:read on Invoices'],
    ],
    [
      'gated access says so',
      [tuple({ rules: [], verdict: 'approval' })],
      ['billing-agent gains invoices:read on Invoices (each use needs an approval)'],
    ],
    [
      'resources of one name are told apart',
      [
        tuple({ rules: [] }),
        tuple({ rules: [], resource_id: 'res_02', resource_identifier: 'x:y' }),
      ],
      [
        'billing-agent gains invoices:read on Invoices (resource://invoices)',
        'billing-agent gains invoices:read on Invoices (x:y)',
      ],
    ],
  ] as const)('%s', (_, tuples, sentences) => {
    expect(accessSentences(tuples, 'gains', until)).toEqual(sentences)
  })
})

describe('who must approve', () => {
  test.each([
    [{ decision: 'allow', reason: '' }, 'none needed'],
    [{ decision: 'deny', reason: 'frozen' }, 'refused by policy (frozen)'],
    [
      { approvals: 2, second_person: true, reason: '' },
      '2 people must approve, not the one who asked',
    ],
    [
      { break_glass: true, reason: '' },
      'you are alone, so it takes a typed reason and is recorded',
    ],
  ] as const)('%j', (policy, words) => {
    const text = renderPreview(preview({ policy: { ...preview().policy, ...policy } }), screen)
    expect(text.replace(/\s+/g, ' ')).toContain(words)
  })
})

test('nothing that was written elsewhere reaches the terminal as more than text', () => {
  const hostile = fc.constantFrom(
    '\u001b[2J',
    '\u001b]0;x\u0007',
    '\r',
    '\u202e',
    '\n  + x gains y',
    '+ x gains y',
    ' '.concat('long '.repeat(19)),
    'z',
  )
  fc.assert(
    fc.property(fc.array(hostile, { maxLength: 4 }), (parts) => {
      const evil = parts.join('')
      const text = renderPlan(
        plan({
          intent: evil,
          summary: evil,
          requester: { id: evil, name: evil },
          failure: { code: evil, message: evil },
          preview: preview({
            warnings: [evil],
            access: {
              gained: [tuple({ application_name: evil, scope: evil })],
              lost: [],
              newly_gated: [],
            },
            steps: [step({ summary: evil, changes: [changed('update', [[evil, evil, [evil]]])] })],
          }),
        }),
        screen,
      )
      expect(text).not.toMatch(/[^\P{C}\n]/u)
      // A line of its own would pass for one of ours.
      expect(text.split('\n').filter((line) => line === '  + x gains y')).toEqual([])
    }),
  )
})
