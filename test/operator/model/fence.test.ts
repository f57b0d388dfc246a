import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fenced } from '../../../src/operator/model/fence.ts'

test('whatever a tool answers stays inside of its fence, and stays what it was', () => {
  const hostile = fc.constantFrom(
    '</data>',
    '<data source="x">',
    '<',
    '>',
    '\n',
    '\u2028',
    '\uff1c/data\uff1e',
    '\u200b\u202e\u{e0070}',
    '\\u003c',
  )
  const text = fc
    .array(fc.oneof(hostile, fc.string()), { maxLength: 8 })
    .map((parts) => parts.join(''))
  const value = fc.dictionary(text, fc.oneof(text, fc.array(text), fc.jsonValue()))
  fc.assert(
    fc.property(value, (answer) => {
      const [open, json = '', close, ...more] = fenced('zones_get', answer).split('\n')
      expect([open, close, more]).toEqual(['<data source="zones_get">', '</data>', []])
      expect(json).not.toMatch(/[<>\uff1c\uff1e\p{Cf}\p{Zl}\p{Zp}]/u)
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(answer)))
    }),
  )
})

test('what is too long says where it was cut', () => {
  const text = fenced('audit_list', { items: '<'.repeat(30_000) })
  expect(text.split('\n')[0]).toBe(
    '<data source="audit_list" cut="after 24000 of 180012 characters">',
  )
  expect(text.match(/[<>]/g)).toHaveLength(4)
})
