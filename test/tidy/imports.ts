import { posix } from 'node:path'
import ts from 'typescript'
import { layers } from './layers-table.ts'
import { placeOf, walk, type Source } from './source.ts'

interface Import {
  /** What is imported: a path from the repository's top, or the name of a package. */
  readonly target: string
  readonly kind: 'file' | 'package'
  readonly typeOnly: boolean
  /** `path:line` of the import. */
  readonly place: string
}

/** Every import of a file, in all the forms that TypeScript has; what Node itself offers apart. */
function importsOf(source: Source): readonly Import[] {
  const found: Import[] = []
  const add = (node: ts.Node, specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return
    if (specifier.text.startsWith('node:')) return
    const place = placeOf(source, node)
    if (specifier.text.startsWith('.')) {
      const target = posix.join(posix.dirname(source.path), specifier.text)
      found.push({ target, kind: 'file', typeOnly, place })
    } else {
      found.push({ target: packageOf(specifier.text), kind: 'package', typeOnly, place })
    }
  }
  walk(source.ast, (node) => {
    if (ts.isImportDeclaration(node)) {
      add(
        node,
        node.moduleSpecifier,
        node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword,
      )
    } else if (ts.isExportDeclaration(node)) {
      add(node, node.moduleSpecifier, node.isTypeOnly)
    } else if (ts.isImportTypeNode(node)) {
      add(node, ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true)
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], false)
    }
  })
  return found
}

/** `@scope/name` or `name` of a specifier such as `@scope/name/part`. */
function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

/** The row of {@link layers} that a path belongs to, or undefined where it is outside of them. */
function layerOf(path: string): string | undefined {
  const [top = '', second = ''] = path.split('/')
  if (top === 'src') return `src/${second}`
  return ['tools', 'system-zone', 'policies'].includes(top) ? top : undefined
}

/** Imports against the dependency direction, each as `file:line -> import`. */
export function directionViolations(sources: readonly Source[]): readonly string[] {
  return sources.flatMap((source) => {
    const from = layerOf(source.path)
    if (from === undefined) return []
    const layer = layers[from]
    if (layer === undefined) return [`${source.path}: ${from} is no part of the design`]
    return importsOf(source).flatMap((edge) => {
      const why = edge.kind === 'package' ? packageRefusal(from, edge) : fileRefusal(from, edge)
      return why === undefined ? [] : [`${edge.place} -> ${edge.target} (${why})`]
    })
  })
}

function packageRefusal(from: string, { target }: Import): string | undefined {
  const allowed = layers[from]?.packages
  if (allowed === undefined || allowed.includes(target)) return undefined
  return `${from} imports no package but ${allowed.join(', ')}`
}

function fileRefusal(from: string, { target, typeOnly }: Import): string | undefined {
  const to = layerOf(target)
  if (to === from || target === 'package.json') return undefined
  if (to === undefined) return `${from} imports nothing from there`
  if (layers[from]?.values.includes(to) === true) return undefined
  if (layers[from]?.types?.includes(to) !== true) return `${from} may not import ${to}`
  return typeOnly ? undefined : `${from} may import only types of ${to}`
}

/**
 * One cycle for every knot of files that import each other, as `a -> b -> a`. Types count: two
 * files that need each other's types are one concept in two places. Taking the type of a
 * composition root does not count, for the root imports everything by its nature.
 */
export function importCycles(
  sources: readonly Source[],
  roots: readonly string[],
): readonly string[] {
  const graph = new Map(
    sources.map((source) => [
      source.path,
      importsOf(source)
        .filter((edge) => edge.kind === 'file' && !(edge.typeOnly && roots.includes(edge.target)))
        .map((edge) => edge.target),
    ]),
  )
  const done = new Set<string>()
  const trail: string[] = []
  const cycles: string[] = []
  const visit = (path: string): void => {
    const start = trail.indexOf(path)
    if (start >= 0) cycles.push([...trail.slice(start), path].join(' -> '))
    if (start >= 0 || done.has(path)) return
    trail.push(path)
    graph.get(path)?.forEach(visit)
    trail.pop()
    done.add(path)
  }
  for (const path of graph.keys()) visit(path)
  return cycles
}
