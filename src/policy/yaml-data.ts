import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Pair,
  type YAMLError,
} from 'yaml'
import { limits } from '../kernel/limits.ts'
import { DocumentError, locatedMap, type Located, type Place } from './located.ts'

type Where = (node: Node | null | undefined) => Place

/**
 * One YAML 1.2 document of the core schema. Aliases and tags are refused: an alias can make a short
 * text stand for an endless value, and a document that a person reviews should say what it says.
 */
export function parseYaml(source: string): Located {
  const lineCounter = new LineCounter()
  const document = read(source, lineCounter)
  const problem = document.errors[0] ?? document.warnings[0]
  if (problem !== undefined) {
    throw new DocumentError(at(lineCounter, problem.pos[0]), messageOf(problem))
  }
  const where: Where = (node) => at(lineCounter, node?.range?.[0] ?? 0)
  return located(document.contents, where, 1)
}

function read(source: string, lineCounter: LineCounter): Document.Parsed {
  return parseDocument(source, {
    version: '1.2',
    schema: 'core',
    merge: false,
    // Repeated keys are found by locatedMap; the library's own search is quadratic.
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter,
  })
}

/** The library recurses into nested collections and reports it when hostile text ends the stack. */
function messageOf(problem: YAMLError): string {
  return problem.message.includes('call stack')
    ? 'the document is nested too deeply'
    : firstLine(problem.message)
}

function located(node: Node | null, where: Where, depth: number): Located {
  const place = where(node)
  if (node === null) return { kind: 'scalar', place, value: null }
  if (isAlias(node)) throw new DocumentError(place, 'aliases are not read; write the value out')
  if (node.tag !== undefined && !node.tag.startsWith('tag:yaml.org,2002:')) {
    throw new DocumentError(place, 'tags are not read; write a plain value')
  }
  if (depth > limits.documentDepth && !isScalar(node)) {
    const message = `nested deeper than ${limits.documentDepth} levels; flatten the document`
    throw new DocumentError(place, message)
  }
  if (isMap(node)) return mapOf(node.items, place, where, depth)
  if (isSeq(node)) {
    const items = node.items.map((item) => located(itemNode(item), where, depth + 1))
    return { kind: 'list', place, items }
  }
  return { kind: 'scalar', place, value: scalarOf(node, place) }
}

function mapOf(pairs: readonly Pair[], place: Place, where: Where, depth: number): Located {
  const entries = pairs.map((pair) => {
    const key = pair.key as Node | null
    const keyPlace = where(key)
    if (!isScalar(key) || typeof key.value !== 'string') {
      throw new DocumentError(keyPlace, 'the key of a map must be a string; quote it')
    }
    const value = pair.value as Node | null
    const node = value === null ? nothing(keyPlace) : located(value, where, depth + 1)
    return { key: key.value, place: keyPlace, value: node }
  })
  return locatedMap(place, entries)
}

function nothing(place: Place): Located {
  return { kind: 'scalar', place, value: null }
}

function itemNode(item: unknown): Node | null {
  return item === null || isPair(item) ? null : (item as Node)
}

function scalarOf(node: Node, place: Place): string | number | boolean | null {
  const value: unknown = isScalar(node) ? node.value : undefined
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new DocumentError(place, 'expected a string, a finite number, a boolean or null')
}

function at(lineCounter: LineCounter, offset: number): Place {
  const { line, col } = lineCounter.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text
}
