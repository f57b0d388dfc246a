import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { withConfigTable } from '../../scripts/config-section.ts'
import { errorsPage } from '../../scripts/errors-page.ts'
import { verifyGenerated } from '../../scripts/generated.ts'
import { inputFields } from '../../scripts/input-fields.ts'
import { markdownTable } from '../../scripts/markdown.ts'
import { operationsPage } from '../../scripts/operations-page.ts'
import { faultStatus } from '../../src/kernel/faults.ts'
import { catalogue } from '../../tools/catalogue.ts'

describe('the configuration table of the README', () => {
  const entry = { env: 'CARACAL_PORT', purpose: 'Port', fallback: '`8200`', secret: false }
  const key = { env: 'DATABASE_URL', purpose: 'Database', fallback: 'embedded', secret: true }
  const readme = '# A\n\n<!-- config:start -->\nold $& text\n<!-- config:end -->\n\nafter\n'

  test('stands between the markers, and making it again changes nothing', () => {
    const made = withConfigTable(readme, [entry, key])
    expect(made).toContain('| `CARACAL_PORT` | Port | `8200` |')
    expect(made).toContain('| `DATABASE_URL` | Database (secret) | embedded |')
    expect(made).not.toContain('old')
    expect(made).toMatch(/^# A\n[^]*<!-- config:end -->\n\nafter\n$/)
    expect(withConfigTable(made, [entry, key])).toBe(made)
  })

  test.each(['# A\n', readme + readme, '<!-- config:end --><!-- config:start -->'])(
    '%j has no place for it',
    (text) => {
      expect(() => withConfigTable(text, [entry])).toThrow('between one <!-- config:start -->')
    },
  )
})

describe('the reference pages', () => {
  test('show every operation with every field of its input', () => {
    const page = operationsPage(catalogue)
    for (const { id, input } of catalogue) {
      const section = page.split(`### \`${id}\`\n`)[1]?.split('\n### ')[0] ?? ''
      for (const field of Object.keys(input.shape))
        expect(section, id).toContain(`| \`${field}\` |`)
    }
  })

  test('show every error once', () => {
    const page = errorsPage(faultStatus)
    const table = page.slice(page.indexOf('| status |'))
    for (const name of Object.keys(faultStatus)) {
      expect(table.split(`\`${name}\``), name).toHaveLength(2)
    }
  })
})

test('a table is safe from what its cells hold', () => {
  expect(markdownTable(['a'], [['x | y'], ['a <b> `<c>`'], ['two\nlines']])).toBe(
    '| a |\n| --- |\n| x \\| y |\n| a &lt;b> `<c>` |\n| two lines |',
  )
})

describe('input fields', () => {
  function fieldsOf(schema: z.ZodType): readonly (readonly string[])[] {
    const fields = inputFields(z.toJSONSchema(schema, { io: 'input' }))
    return fields.map(({ path, type, required, fallback = '' }) => [
      path,
      type,
      `${required}${fallback}`,
    ])
  }

  test.each([
    ['text', z.string().min(1).max(9), ['a', 'string of 1 to 9 characters', 'true']],
    ['number', z.int().min(1).max(5).default(3), ['a', 'integer, 1 to 5', 'false3']],
    ['choice', z.enum(['x', 'y']).optional(), ['a', '`x` or `y`', 'false']],
    ['null', z.iso.datetime().nullable(), ['a', 'date-time or null', 'true']],
    ['list', z.array(z.boolean()).max(4), ['a', 'list of up to 4: boolean', 'true']],
    ['reference', z.string().meta({ ref: 'policySet' }), ['a', 'id of policy set', 'true']],
    ['anything', z.unknown(), ['a', 'any JSON', 'true']],
  ])('%s', (_, schema, line) => {
    expect(fieldsOf(z.strictObject({ a: schema }))).toEqual([line])
  })

  test('nested ones follow their parent, through lists', () => {
    const schema = z.object({ steps: z.array(z.object({ id: z.string() })).min(1) })
    expect(fieldsOf(schema).map(([path]) => path)).toEqual(['steps', 'steps[].id'])
  })

  test('those of a union say with which alternative they go', () => {
    const union = z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('none') }),
      z.object({ kind: z.literal('key'), header: z.string() }),
      z.object({ kind: z.literal('token'), header: z.string() }),
    ])
    const fields = inputFields(z.toJSONSchema(z.object({ settings: union }), { io: 'input' }))
    expect(fields.map(({ path, type, meaning }) => [path, type, meaning])).toEqual([
      ['settings', 'object', ''],
      ['settings.kind', '`none` or `key` or `token`', ''],
      ['settings.header', 'string', 'with `key` or `token`'],
    ])
  })
})

test('a file that its source no longer makes is a problem, and so is one that cannot be made', async () => {
  const license = { path: 'LICENSE', produce: () => Promise.resolve('another text') }
  const broken = { path: 'x.md', produce: () => Promise.reject(new Error('no source')) }
  expect(await verifyGenerated([license, broken])).toEqual([
    'LICENSE is not what its source makes: run npm run generate',
    'x.md cannot be made: no source',
  ])
})
