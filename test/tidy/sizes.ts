import ts from 'typescript'
import { placeOf, lineAt, walk, type Source } from './source.ts'

/** A function fits a screen, a file is read in one sitting; only tables come near twice that. */
export const sizes = { fileLines: 400, tableLines: 600, functionLines: 70 } as const

function isTable(path: string): boolean {
  return path.startsWith('tools/') || path.endsWith('-table.ts')
}

/** Made by `npm run generate`: as long as the catalogue is, and read by nobody. */
const generated = 'src/client/routes-table.ts'

export function sizeViolations(source: Source): readonly string[] {
  if (source.path === generated) return []
  const limit = isTable(source.path) ? sizes.tableLines : sizes.fileLines
  const lines = source.text.replace(/\n$/, '').split('\n').length
  const file =
    lines > limit ? [`${source.path} has ${String(lines)} lines, more than ${String(limit)}`] : []
  return [...file, ...functionViolations(source)]
}

function functionViolations(source: Source): readonly string[] {
  const found: string[] = []
  walk(source.ast, (node) => {
    if (!ts.isFunctionLike(node) || isSuite(node)) return
    const start = lineAt(source, node.getStart(source.ast))
    const lines = lineAt(source, node.getEnd()) - start + 1
    if (lines <= sizes.functionLines) return
    found.push(
      `${placeOf(source, node)} has a function of ${String(lines)} lines, ` +
        `more than ${String(sizes.functionLines)}`,
    )
  })
  return found
}

/** Whether a function is the body of a `describe`, which is a list of tests and not a procedure. */
function isSuite(node: ts.Node): boolean {
  return ts.isCallExpression(node.parent) && headOf(node.parent.expression) === 'describe'
}

/** The name that a chain such as `describe.each(...)` begins with. */
function headOf(callee: ts.Node): string | undefined {
  if (ts.isIdentifier(callee)) return callee.text
  if (ts.isTaggedTemplateExpression(callee)) return headOf(callee.tag)
  if (ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee))
    return headOf(callee.expression)
  return undefined
}
