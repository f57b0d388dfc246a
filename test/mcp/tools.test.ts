import { format } from 'prettier'
import { describe, expect, test } from 'vitest'
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/server/validators/ajv'
import { mcpTools } from '../../src/mcp/tools.ts'
import { catalogue } from '../../tools/catalogue.ts'
import { planTools } from '../../tools/mcp.ts'
import type { Operation } from '../../tools/operation.ts'

const operations: readonly Operation[] = catalogue
const listed = mcpTools.map(({ name, description, inputSchema, outputSchema, annotations }) => ({
  name,
  description,
  inputSchema,
  outputSchema,
  annotations,
}))

/** Roughly, as models count: four characters are a token. */
function tokensOf(value: unknown): number {
  return Math.ceil(JSON.stringify(value).length / 4)
}

describe('the list of tools', () => {
  test('is the one that was reviewed', async () => {
    const text = await format(JSON.stringify(listed), { parser: 'json', printWidth: 100 })
    await expect(text).toMatchFileSnapshot('tools.snapshot.json')
  })

  test('fits its budget, and so does the part of it that the Operator’s model is given', () => {
    expect(tokensOf(listed)).toBeLessThan(14_000)
    const told = listed.map(({ name, description, inputSchema }) => [
      name,
      description,
      inputSchema,
    ])
    expect(tokensOf(told)).toBeLessThan(4_000)
  })

  test('is sorted, and names are what every client and model accepts', () => {
    const names = mcpTools.map(({ name }) => name)
    expect(names).toEqual([...new Set(names)].sort())
    expect(names.filter((name) => !/^[a-z][a-z_]{0,62}$/.test(name))).toEqual([])
  })

  test('holds every read of a zone, and nothing that changes it but through plans', () => {
    const ids = mcpTools.map(({ operation }) => operation.id)
    const hidden =
      /^(?:(?:admin_tokens|autopilot|conversations|webhooks|sessions|delegations|witnesses)\.|audit\.(?:checkpoint|consistency|entries|export|follow|proof)$|operator\.(?:calls|usage)$|plans\.evidence$|zones\.export$)/
    const reads = operations.filter(
      ({ id, effect, place }) => effect === 'read' && place !== 'platform' && !hidden.test(id),
    )
    expect(reads.map(({ id }) => id).filter((id) => !ids.includes(id))).toEqual([])
    const changing = mcpTools.filter(({ operation }) => operation.effect !== 'read')
    expect(changing.map(({ name }) => name)).toEqual([
      'plan_apply',
      'plan_preview',
      'plan_propose',
      'plan_undo',
    ])
  })

  test('has no way to approve, and nothing of tokens or conversations', () => {
    const forbidden = mcpTools.filter(
      ({ name, operation }) =>
        operation.capability === 'approve' ||
        operation.capability === 'owner' ||
        /approve|reject|token|conversation|autopilot/.test(`${name} ${operation.id}`),
    )
    expect(forbidden).toEqual([])
    expect(planTools.map(({ name }) => name)).not.toContain('plan_approve')
  })
})

describe.each(mcpTools)('$name', (tool) => {
  test('refuses undeclared arguments, and takes no zone', () => {
    expect(tool.inputSchema).toMatchObject({ type: 'object', additionalProperties: false })
    expect(tool.inputSchema.properties).not.toHaveProperty('zone')
    expect(tool.inputSchema.properties).not.toHaveProperty('zone_id')
  })

  test('has schemas that are schemas, of objects, without long patterns', () => {
    const validators = new AjvJsonSchemaValidator()
    expect(() => validators.getValidator({ ...tool.inputSchema })).not.toThrow()
    expect(() => validators.getValidator({ ...tool.outputSchema })).not.toThrow()
    expect(tool.outputSchema.type).toBe('object')
    const text = JSON.stringify([tool.inputSchema, tool.outputSchema])
    expect(text).not.toMatch(/"(?:ref|secret|\$schema)":|"pattern":"[^"]{60}/)
  })

  test('gives no secret', () => {
    expect(JSON.stringify(tool.outputSchema)).not.toMatch(/"(?:client_secret|secrets)":/)
  })

  test('says whether it only reads', () => {
    expect(tool.annotations.readOnlyHint).toBe(tool.operation.effect === 'read')
    expect(tool.annotations.openWorldHint).toBe(false)
  })
})

test('only applying needs the digest, and needs it', () => {
  const apply = mcpTools.find(({ name }) => name === 'plan_apply')
  expect(apply?.inputSchema.required).toEqual(['plan_id', 'digest'])
  expect(apply?.withheld).toEqual(['secrets'])
  expect(apply?.annotations).toMatchObject({ destructiveHint: true, idempotentHint: true })
})
