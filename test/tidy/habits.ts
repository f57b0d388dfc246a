import ts from 'typescript'
import { commentsOf, placeOf, walk, type Source } from './source.ts'

/** The environment is read once: places in the product that touch `process.env`. */
export function environmentReads(source: Source): readonly string[] {
  return placesWhere(source, (node) => {
    if (ts.isPropertyAccessExpression(node))
      return node.name.text === 'env' && isProcess(node.expression)
    if (ts.isElementAccessExpression(node))
      return isText(node.argumentExpression, 'env') && isProcess(node.expression)
    if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name))
      return (
        isProcess(node.initializer) &&
        node.name.elements.some((part) => isText(part.propertyName ?? part.name, 'env'))
      )
    if (ts.isImportSpecifier(node)) {
      const from = node.parent.parent.parent
      return (
        isText(node.propertyName ?? node.name, 'env') &&
        ts.isImportDeclaration(from) &&
        ts.isStringLiteral(from.moduleSpecifier) &&
        /^(?:node:)?process$/.test(from.moduleSpecifier.text)
      )
    }
    return false
  })
}

function isProcess(node: ts.Node | undefined): boolean {
  if (node === undefined) return false
  return ts.isPropertyAccessExpression(node)
    ? node.name.text === 'process'
    : isText(node, 'process')
}

function isText(node: ts.Node, text: string): boolean {
  return (ts.isIdentifier(node) || ts.isStringLiteralLike(node)) && node.text === text
}

/** Uses of `console`: the service logs, and only the command line talks to a terminal. */
export function consoleUses(source: Source): readonly string[] {
  return placesWhere(
    source,
    (node) => ts.isPropertyAccessExpression(node) && isText(node.expression, 'console'),
  )
}

/** Classes that are neither errors nor owners of a resource. */
export function plainClasses(source: Source): readonly string[] {
  return placesWhere(
    source,
    (node) => ts.isClassLike(node) && !extendsError(node) && !isDisposable(node),
  )
}

function extendsError(node: ts.ClassLikeDeclaration): boolean {
  return (node.heritageClauses ?? []).some(
    (clause) =>
      clause.token === ts.SyntaxKind.ExtendsKeyword &&
      clause.types.some((type) => /(?:Error|Fault)$/.test(type.expression.getText())),
  )
}

function isDisposable(node: ts.ClassLikeDeclaration): boolean {
  return node.members.some(
    (member) =>
      member.name !== undefined &&
      /^\[Symbol\.(?:asyncDispose|dispose)\]$/.test(member.name.getText()),
  )
}

/** Strings that are the id of an operation: what is asked for is data, `src` only runs it. */
export function operationNames(source: Source, ids: ReadonlySet<string>): readonly string[] {
  return placesWhere(source, (node) => ts.isStringLiteralLike(node) && ids.has(node.text))
}

function placesWhere(source: Source, matches: (node: ts.Node) => boolean): readonly string[] {
  const found: string[] = []
  walk(source.ast, (node) => {
    if (matches(node))
      found.push(`${placeOf(source, node)}: ${firstLine(node.getText(source.ast))}`)
  })
  return found
}

function firstLine(text: string): string {
  return text.split('\n', 1).join('').slice(0, 80)
}

/** Notes to oneself, and stories about how the text came to be: both belong in the issue. */
const narration =
  /\b(?:TODO|FIXME|XXX|HACK)\b|\b(?:let's|previously|formerly|refactored|as before)\b|\b(?:now|then|first|next),? we\b/i

/** Lines that read as statements; prose hardly ends in a brace or is a lone call. */
const statement =
  /^(?:(?:export |import |const |let |var |type |interface |async |function ).*[={(,'"]$|(?:const|let|var) \w+ = .+|import .+ from '.+'|export (?:const|function|type|interface|class) .+|(?:return |await |throw new )?[\w.]+\(.*\);?$|(?:if|for|while|switch) \(.*\) ?\{?.*|\}.*)$/

/** Comments that narrate, postpone work or keep dead code. */
export function commentViolations(source: Source): readonly string[] {
  return commentsOf(source).flatMap(({ line, kind, text }) => {
    const place = `${source.path}:${String(line)}`
    const prose = text.replace(/^\/[/*]+\s*/, '')
    if (narration.test(text)) return [`${place}: narration: ${firstLine(text)}`]
    if (kind === 'line' && statement.test(prose)) return [`${place}: code in a comment: ${prose}`]
    return []
  })
}
