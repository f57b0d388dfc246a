import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import type { DocumentSet } from './document-schemas.ts'
import { parseDocument } from './documents.ts'
import { packageFile } from '../kernel/package-root.ts'

/** A policy to begin with: what it is for, its YAML text to copy and change, and its documents. */
export interface PolicyTemplate {
  readonly id: string
  readonly title: string
  readonly description: string
  readonly language: 'yaml'
  readonly source: string
  readonly documents: DocumentSet
}

const fileSchema = z.strictObject({
  title: z.string(),
  description: z.string(),
  document: z.string(),
})

/** The templates of `policies/templates/`, by id; read and checked at each call, so call it once. */
export function loadTemplates(): readonly PolicyTemplate[] {
  const folder = packageFile('policies', 'templates')
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => {
      const template = fileSchema.parse(parse(readFileSync(join(folder, file), 'utf8')))
      const { title, description, document: source } = template
      const documents = parseDocument({ language: 'yaml', source })
      return {
        id: file.slice(0, -'.yaml'.length),
        title,
        description,
        language: 'yaml',
        source,
        documents,
      }
    })
}
