import { expect, test } from 'vitest'
import { sizes, sizeViolations } from './sizes.ts'
import { programSources, sourceOf } from './source.ts'

test('files and functions keep to their sizes', () => {
  expect(programSources().flatMap(sizeViolations)).toEqual([])
})

function lines(count: number): string {
  return 'step()\n'.repeat(count)
}

test.each([
  ['src/gate/a.ts', sizes.fileLines, 0],
  ['src/gate/a.ts', sizes.fileLines + 1, 1],
  ['test/gate/a.test.ts', sizes.fileLines + 1, 1],
  ['tools/a.ts', sizes.tableLines, 0],
  ['tools/a.ts', sizes.tableLines + 1, 1],
  ['src/store/columns-table.ts', sizes.tableLines, 0],
])('%s with %i lines breaks %i rules', (path, count, broken) => {
  expect(sizeViolations(sourceOf(path, lines(count)))).toHaveLength(broken)
})

test.each([
  ['function f() {', '}'],
  ['const f = async () => {', '}'],
  ['const o = { f() {', '} }'],
  ['class Lost extends Error { constructor() {', '} }'],
  ['class Lost extends Error { get f() {', '} }'],
  [`test('all of it', async () => {`, '})'],
])('%s counts as a function', (head, tail) => {
  const withBody = (count: number): readonly string[] =>
    sizeViolations(sourceOf('src/gate/a.ts', `${head}\n${lines(count)}${tail}\n`))
  expect(withBody(sizes.functionLines - 2)).toEqual([])
  expect(withBody(sizes.functionLines - 1)).toHaveLength(1)
})

test.each([
  `describe('a suite', () => {`,
  `describe.skipIf(slow)('a suite', () => {`,
  `describe.each\`\`('a suite', () => {`,
])('%s is a list of tests', (head) => {
  const text = `${head}\n${lines(sizes.functionLines)}})\n`
  expect(sizeViolations(sourceOf('test/gate/a.test.ts', text))).toEqual([])
})
