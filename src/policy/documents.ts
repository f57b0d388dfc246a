import type { z } from 'zod'
import { refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import {
  documentKinds,
  documentSchemas,
  isDocumentKind,
  type DocumentKind,
  type DocumentSet,
} from './document-schemas.ts'
import {
  DocumentError,
  placeOf,
  plainValue,
  type DocumentIssue,
  type Located,
  type LocatedEntry,
} from './located.ts'
import { parseRegoData } from './rego-data.ts'
import { parseJson } from './term-parser.ts'
import { parseYaml } from './yaml-data.ts'

export type DocumentLanguage = 'json' | 'yaml' | 'rego'

export interface DocumentSource {
  readonly language: DocumentLanguage
  readonly source: string
  /** Given when JSON or YAML text is the value of one kind, not a map of kind to value. */
  readonly kind?: DocumentKind
}

const parsers: Readonly<Record<DocumentLanguage, (source: string) => Located>> = {
  json: parseJson,
  yaml: parseYaml,
  rego: parseRegoData,
}

const issuesTold = 50

/**
 * The documents that a policy's text defines, checked. Refuses with `invalid_document`, whose
 * `details.issues` say for each thing that is wrong its line, column, path and what to do.
 */
export function parseDocument(document: DocumentSource): DocumentSet {
  const bytes = Buffer.byteLength(document.source)
  if (bytes > limits.documentBytes) {
    const message = `the document has ${bytes} bytes; the limit is ${limits.documentBytes}`
    refuseDocument([{ line: 1, column: 1, path: '', message }])
  }
  const named = namedDocuments(document, parse(document))
  const values: Record<string, unknown> = {}
  const issues: DocumentIssue[] = []
  for (const { key, place, value } of named) {
    if (!isDocumentKind(key)) {
      const message = `"${key}" is no document; the documents are ${documentKinds.join(', ')}`
      issues.push({ ...place, path: key, message })
      continue
    }
    const result = documentSchemas[key].safeParse(plainValue(value))
    if (result.success) values[key] = result.data
    else issues.push(...result.error.issues.flatMap((issue) => issueAt(key, value, issue)))
  }
  if (issues.length > 0) refuseDocument(issues)
  return values
}

function parse({ language, source }: DocumentSource): Located {
  try {
    return parsers[language](source)
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error
    refuseDocument([{ ...error.place, path: '', message: error.message }])
  }
}

function namedDocuments(document: DocumentSource, root: Located): readonly LocatedEntry[] {
  const { kind, language } = document
  if (kind !== undefined && language !== 'rego') {
    return [{ key: kind, place: root.place, value: root }]
  }
  if (root.kind !== 'map' || root.entries.length === 0) {
    const message = `expected at least one document of ${documentKinds.join(', ')}`
    refuseDocument([{ ...root.place, path: '', message }])
  }
  const other = root.entries.find(({ key }) => kind !== undefined && key !== kind)
  if (other !== undefined) {
    const message = `only "${kind}" is expected here`
    refuseDocument([{ ...other.place, path: other.key, message }])
  }
  return root.entries
}

function issueAt(kind: DocumentKind, root: Located, issue: z.core.$ZodIssue): DocumentIssue[] {
  const path = [kind, ...issue.path.map(String)].join('.')
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      ...placeOf(root, [...issue.path, key]),
      path: `${path}.${key}`,
      message: `"${key}" is not known here`,
    }))
  }
  const reasons = issue.code === 'invalid_key' ? issue.issues.map(({ message }) => message) : []
  const message = reasons.length > 0 ? `the key ${reasons.join(', ')}` : issue.message
  return [{ ...placeOf(root, issue.path), path, message }]
}

/** Refuses a document with the places of what is wrong in it; the first one is said. */
export function refuseDocument(issues: readonly DocumentIssue[]): never {
  const [first] = issues
  const where = first === undefined ? '' : `line ${first.line}, column ${first.column}: `
  const path = first?.path ? `${first.path}: ` : ''
  refuse('invalid_document', `${where}${path}${first?.message ?? 'the document is invalid'}`, {
    details: { issues: issues.slice(0, issuesTold) },
  })
}
