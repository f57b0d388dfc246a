import { z } from 'zod'
import { idPattern, type IdKind } from '../src/kernel/ids.ts'
import { limits } from '../src/kernel/limits.ts'

/** What a schema says of itself beyond its shape; read with {@link metaOf}. */
export interface FieldMeta {
  /** The value is the id of an object of this kind; a plan may give the object's name instead. */
  readonly ref?: RefKind
  /** The value is shown once, in the answer to the person who caused it, and nowhere else. */
  readonly secret?: boolean
  /** What a person's own surface gives, and says that it does, where the person has said nothing. */
  readonly byHand?: boolean
  readonly description?: string
}

/** The kinds of objects that can be referred to by name in a plan. */
export type RefKind =
  | 'zone'
  | 'application'
  | 'resource'
  | 'provider'
  | 'grant'
  | 'subjectIssuer'
  | 'subject'
  | 'policy'
  | 'policyVersion'
  | 'policySet'
  | 'policySetVersion'
  | 'session'
  | 'edge'
  | 'plan'
  | 'approval'
  | 'event'
  | 'webhook'
  | 'witness'
  | 'delivery'
  | 'conversation'
  | 'adminToken'
  | 'principal'

export function ref(kind: RefKind & IdKind, description = `Id of the ${words(kind)}`) {
  return z
    .string()
    .regex(idPattern(kind), `must be ${article(kind)} id`)
    .meta({ ref: kind, description })
}

function words(kind: string): string {
  return kind.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function article(kind: string): string {
  return `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${words(kind)}`
}

/** The metadata of a field, seen through `optional`, `nullable`, `default` and arrays. */
export function metaOf(schema: z.ZodType): FieldMeta {
  const own = (schema.meta() ?? {}) as FieldMeta
  if (own.ref !== undefined || own.secret !== undefined) return own
  const inner = innerOf(schema)
  return inner === null ? own : { ...metaOf(inner), ...own }
}

function innerOf(schema: z.ZodType): z.ZodType | null {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault
  )
    return schema.unwrap() as z.ZodType
  return schema instanceof z.ZodArray ? (schema.element as z.ZodType) : null
}

/**
 * Printable text on one line: no control or format characters, nothing that reorders text, no
 * letters that fonts leave blank (the Hangul fillers and the empty Braille pattern).
 */
const visibleLine = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0\u2800]*$/u

export const name = z
  .string()
  .trim()
  .min(1)
  .max(limits.nameChars)
  .regex(visibleLine, 'must be one line of visible characters')
  .meta({ description: 'Display name, unique per kind and zone after NFKC and case folding' })

export const description = z
  .string()
  .max(limits.descriptionChars)
  .meta({ description: 'Free text for people; never interpreted' })

export const scope = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9._:/-]{0,119}$/, 'must be a scope such as invoices:read')

export const scopes = z
  .array(scope)
  .min(1)
  .max(limits.scopesPerGrant)
  .refine((list) => new Set(list).size === list.length, 'must not repeat a scope')
  .meta({ description: 'Scopes, such as invoices:read' })

export const label = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9._:/-]{0,79}$/, 'must be a label such as team:billing')

export const labels = z
  .array(label)
  .max(limits.labelsPerApplication)
  .refine((list) => new Set(list).size === list.length, 'must not repeat a label')
  .meta({ description: 'Labels given by an administrator; policy documents refer to them' })

/** The last millisecond that a four-digit year can say (RFC 3339 section 5.6). */
const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

export const timestamp = z.iso
  .datetime({ offset: true })
  .refine((text) => Date.parse(text) <= lastMs, 'must be before the year 10000')
  .meta({ description: 'RFC 3339 date and time with offset' })

export const digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .meta({ description: 'SHA-256 over the RFC 8785 form, as sha256:<hex>' })

/** The user a grant is bound to: the subject that the zone's subject issuer gives. */
export const userId = z
  .string()
  .min(1)
  .max(255)
  .regex(visibleLine)
  .meta({ description: 'Subject of a user; absent means the application itself' })

/** The input fields of every list: a page size and where to go on. */
export const page = {
  limit: z
    .int()
    .min(1)
    .max(limits.pageItemsMax)
    .default(limits.pageItems)
    .meta({ description: 'Items on a page' }),
  cursor: z.string().max(512).optional().meta({ description: 'next_cursor of the page before' }),
}

export const includeArchived = z
  .boolean()
  .default(false)
  .meta({ description: 'Whether to list archived objects too' })

/** A page of a list: `next_cursor` is null on the last one. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next_cursor: z.string().nullable() })
}

/** The fields that every governed object of a zone has. */
export function governed(kind: RefKind & IdKind) {
  return {
    id: ref(kind),
    zone_id: ref('zone'),
    revision: z.int().meta({ description: 'Revision of the zone at the last change; the ETag' }),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    archived_at: z.iso.datetime().nullable(),
  }
}

/** The answer of an operation that has nothing to say (204). */
export const nothing = z.object({})
