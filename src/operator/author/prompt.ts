import { z } from 'zod'
import { documentSchemas } from '../../policy/document-schemas.ts'
import { promptText } from '../conversation/prompt.ts'

/** What the model is told before a draft: the schemas are the contract's own. */
export function authorPrompt(): string {
  const schemas = Object.entries(documentSchemas).map(([kind, schema]) => {
    const { $schema: _, ...shape } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
    return `- ${kind}: ${JSON.stringify(shape)}`
  })
  return promptText('policy-author', { documents: schemas.join('\n') })
}
