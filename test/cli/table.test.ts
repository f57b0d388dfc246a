import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { displayWidth } from '../../src/cli/safe-text.ts'
import { renderFields, renderTable } from '../../src/cli/table.ts'

const plain = { head: (text: string) => text }
const id = 'app_01m85y7jfxexarpfvh22c84kft'

test('columns are as wide as they need to be', () => {
  const rows = [
    ['app_1', 'billing-agent'],
    ['app_22', 'x'],
  ]
  expect(renderTable(['id', 'name'], rows, { columns: 80, ...plain })).toBe(
    'id      name\napp_1   billing-agent\napp_22  x',
  )
})

test('the widest column gives way at its spaces', () => {
  const rows = [[id, 'one two three four five six']]
  expect(renderTable(['id', 'summary'], rows, { columns: 46, ...plain })).toBe(
    [`id${' '.repeat(30)}summary`, `${id}  one two three`, `${' '.repeat(32)}four five six`].join(
      '\n',
    ),
  )
})

test('optional columns go before the table does, the last first', () => {
  const rows = [[id, 'a'.repeat(10), 'b'.repeat(10)]]
  const head = ['id', 'first', 'second']
  const render = (columns: number) => renderTable(head, rows, { columns, ...plain }, [1, 2])
  expect(render(60)).toContain('second')
  expect(render(45).split('\n')[0]?.split(/ +/)).toEqual(['id', 'first'])
  expect(render(40).split('\n')[0]?.split(/ +/)).toEqual(['id'])
})

test('where nothing else helps every row is a block with all of its fields', () => {
  const rows = [
    [id, id],
    [id, ''],
  ]
  expect(renderTable(['id', 'other'], rows, { columns: 40, ...plain }, [])).toBe(
    `id     ${id}\nother  ${id}\n\nid  ${id}`,
  )
})

describe('any table', () => {
  const cell = fc.array(fc.stringMatching(/^[a-z_0-9]{1,12}$/)).map((words) => words.join(' '))

  test('fits the terminal and loses no word', () => {
    const table = fc.integer({ min: 1, max: 5 }).chain((width) =>
      fc.record({
        rows: fc.array(fc.array(cell, { minLength: width, maxLength: width }), { maxLength: 6 }),
        head: fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: width, maxLength: width }),
        columns: fc.integer({ min: 40, max: 160 }),
      }),
    )
    fc.assert(
      fc.property(table, ({ head, rows, columns }) => {
        const text = renderTable(head, rows, { columns, ...plain })
        for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(columns)
        for (const word of rows.flat().flatMap((one) => one.split(' ')))
          expect(text).toContain(word)
      }),
    )
  })
})

test('a long value goes on under itself, and lines stay lines', () => {
  const fields = [
    ['name', 'billing agent of the finance team'],
    ['text', 'one\ntwo'],
  ] as const
  expect(renderFields(fields, { columns: 26, ...plain })).toBe(
    'name  billing agent of the\n      finance team\ntext  one\n      two',
  )
})
