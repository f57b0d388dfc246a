import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { auditEvent } from '../../tools/audit.ts'
import { findOperation } from '../../tools/catalogue.ts'
import { approvalEventTypes } from '../../tools/webhooks.ts'
import { doorEventTypes, platformEventTypes, tokenEventTypes } from '../../src/audit/event-types.ts'

const page = readFileSync(new URL('../../docs/audit.md', import.meta.url), 'utf8')

/** The names in the first column of the tables below a heading. */
function named(heading: string): string[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
  const cells = [...section.matchAll(/^\| (`[^|]+`) \|/gm)].map(([, cell = '']) => cell)
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
}

describe('docs/audit.md', () => {
  test('explains every type of event that is no operation, and no other', () => {
    const types = [
      ...Object.keys({ ...doorEventTypes, ...tokenEventTypes, ...platformEventTypes }),
      ...approvalEventTypes,
    ]
    expect(named('Types').toSorted()).toEqual(types.toSorted())
    expect(types.filter((type) => findOperation(type) !== undefined)).toEqual([])
  })

  test('explains every field of an event, and no other', () => {
    expect(named('Fields').toSorted()).toEqual(Object.keys(auditEvent.shape).toSorted())
  })
})
