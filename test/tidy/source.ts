import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** A program file as the rules see it; `path` is relative to the repository and uses `/`. */
export interface Source {
  readonly path: string
  readonly text: string
  readonly ast: ts.SourceFile
}

const repository = fileURLToPath(new URL('../../', import.meta.url))

/** Folders that hold program text; everything the rules about code read. */
const programFolders = ['src', 'tools', 'system-zone', 'policies', 'scripts', 'bench', 'test']
const programFile = /(?<!\.d)\.(?:ts|tsx|mts|js|mjs)$/

export function sourceOf(path: string, text: string): Source {
  const ast = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true)
  return { path, text, ast }
}

/** Every program file of the repository, committed or not. */
export function programSources(): readonly Source[] {
  return programFolders
    .flatMap((folder) => filesUnder(folder))
    .filter((path) => programFile.test(path))
    .map((path) => sourceOf(path, readRepositoryFile(path)))
}

export function readRepositoryFile(path: string): string {
  return readFileSync(join(repository, path), 'utf8')
}

/** Names of the folders that stand at the top of the repository, those with a leading dot apart. */
export function topFolders(): readonly string[] {
  return entriesOf('')
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
}

/** Paths of all files under a folder (`''` is the repository), those that git ignores apart. */
export function filesUnder(folder: string): readonly string[] {
  return entriesOf(folder).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    return entry.isDirectory() ? filesUnder(path) : entry.isFile() ? [path] : []
  })
}

const ignoredFolders = new Set([
  '.git',
  ...readRepositoryFile('.gitignore')
    .split('\n')
    .filter((line) => line.endsWith('/'))
    .map((line) => line.replace(/^\/|\/$/g, '')),
])

function entriesOf(folder: string): ReturnType<typeof listing> {
  return listing(folder).filter((entry) => !ignoredFolders.has(entry.name))
}

function listing(folder: string) {
  try {
    return readdirSync(join(repository, folder), { withFileTypes: true })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

/** Calls `visit` for every node below and including `node`, parents first. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, (child) => {
    walk(child, visit)
  })
}

/** `path:line` of a node, as editors and terminals understand it. */
export function placeOf(source: Source, node: ts.Node): string {
  return `${source.path}:${String(lineAt(source, node.getStart(source.ast)))}`
}

export function lineAt(source: Source, position: number): number {
  return source.ast.getLineAndCharacterOfPosition(position).line + 1
}

export interface Comment {
  readonly line: number
  readonly kind: 'line' | 'block'
  readonly text: string
}

/** Every comment of a file with its delimiters, once, in order. */
export function commentsOf(source: Source): readonly Comment[] {
  const found = new Map<number, Comment>()
  const add = (range: ts.CommentRange): void => {
    found.set(range.pos, {
      line: lineAt(source, range.pos),
      kind: range.kind === ts.SyntaxKind.SingleLineCommentTrivia ? 'line' : 'block',
      text: source.text.slice(range.pos, range.end),
    })
  }
  const visit = (node: ts.Node): void => {
    const children = node.getChildren(source.ast)
    if (children.length > 0) {
      children.forEach(visit)
    } else if (node.kind !== ts.SyntaxKind.JsxText) {
      // A comment belongs to the token after it, wherever it stands before that token.
      for (const range of ts.getTrailingCommentRanges(source.text, node.pos) ?? []) add(range)
      for (const range of ts.getLeadingCommentRanges(source.text, node.pos) ?? []) add(range)
    }
  }
  visit(source.ast)
  return [...found.values()].sort((a, b) => a.line - b.line)
}
