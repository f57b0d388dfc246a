import type { InputOf, OutputOf } from '../../tools/catalogue.ts'
import { digestOf } from '../kernel/canonical.ts'
import { refuse } from '../kernel/faults.ts'
import { foldName } from '../kernel/names.ts'
import { parseDocument } from '../policy/documents.ts'
import type { CompiledRego } from '../policy/rego-compiler.ts'
import { isCustomRego } from '../policy/rego-source.ts'
import { loadTemplates } from '../policy/templates.ts'
import { archiveObject, insertObject, type ObjectRow } from '../store/objects.ts'
import { activeManifest, latestPolicyVersions } from '../store/policies.ts'
import { keepModule } from '../store/policy-modules.ts'
import type { Tx } from '../store/tx.ts'
import type { AdminHandlers, AdminServices } from './handlers.ts'
import { listObjects } from './list.ts'
import { get, getLive, refuseReserved } from './lookup.ts'
import { governedView } from './views.ts'

/** All but the drafting of policies, which the Operator does. */
export function policyHandlers(
  services: AdminServices,
): Omit<AdminHandlers<'policies'>, 'policies.draft'> {
  const templates = loadTemplates().map(({ documents: _, ...shown }) => shown)
  // A step of a plan is not prepared, so what it needs is made where it runs; it is made once.
  const read = (input: Source): Promise<Read> => readSource(services, input)
  const prepare = (_request: unknown, input: Source): Promise<Read> => read(input)
  return {
    'policies.validate': {
      prepare,
      serve: (_tx, _input, { documents, digest }: Read) => Promise.resolve({ documents, digest }),
    },

    'policies.templates': () => Promise.resolve({ items: [...templates] }),

    async 'policies.list'(tx, input) {
      const page = await listObjects(tx, 'policies', input, (row) => row)
      const latest = await latestPolicyVersions(
        tx.queries,
        page.items.map((row) => row.id),
      )
      return {
        items: page.items.map((row) => policyView(row, versionOf(latest, row.id))),
        next_cursor: page.next_cursor,
      }
    },

    'policies.create': {
      prepare,
      async serve(tx, input, prepared: Read | undefined) {
        refuseReserved(tx.zone, services.system().zone, input.name)
        const policy = await insertObject(tx, 'policies', {
          name: input.name,
          name_key: foldName(input.name),
          description: input.description,
        })
        const content = prepared ?? (await read(input))
        return policyView(policy, await addVersion(tx, policy.id, 1, input, content))
      },
    },

    async 'policies.get'(tx, input) {
      const row = await get(tx, 'policies', input.policy_id)
      return policyView(row, versionOf(await latestPolicyVersions(tx.queries, [row.id]), row.id))
    },

    'policies.add_version': {
      prepare,
      async serve(tx, input, prepared: Read | undefined) {
        const policy = await getLive(tx, 'policies', input.policy_id)
        const latest = versionOf(await latestPolicyVersions(tx.queries, [policy.id]), policy.id)
        const content = prepared ?? (await read(input))
        return versionView(await addVersion(tx, policy.id, latest.number + 1, input, content))
      },
    },

    async 'policies.delete'(tx, input) {
      const policy = await getLive(tx, 'policies', input.policy_id)
      const active = await activeManifest(tx.queries, tx.zone)
      if (active.some((version) => version.policy_id === policy.id))
        refuse('in_use', 'The active policy set holds this policy; activate one without it first.')
      await archiveObject(tx, 'policies', policy)
      return {}
    },
  }
}

type Source = Pick<InputOf<'policies.create'>, 'language' | 'source'>

/** What a policy's text says: documents, or code. */
interface Read {
  readonly documents: Record<string, unknown>
  readonly digest: string
  readonly module: CompiledRego | null
}

/** By the real parsers and the real compiler; `invalid_document` gives line and column. */
async function readSource(services: AdminServices, input: Source): Promise<Read> {
  if (isCustomRego(input)) {
    const module = await services.rego.compile(input.source)
    return { documents: {}, digest: module.digest, module }
  }
  const documents = { ...parseDocument(input) }
  return { documents, digest: digestOf(documents), module: null }
}

async function addVersion(
  tx: Tx,
  policyId: string,
  number: number,
  { language, source }: Source,
  { documents, digest, module }: Read,
): Promise<ObjectRow<'policy_versions'>> {
  if (module !== null) await keepModule(tx, module)
  return insertObject(tx, 'policy_versions', {
    policy_id: policyId,
    number,
    language,
    source,
    documents,
    digest,
    module_digest: module?.digest ?? null,
  })
}

type Versions = ReadonlyMap<string, ObjectRow<'policy_versions'>>

function versionOf(versions: Versions, policyId: string): ObjectRow<'policy_versions'> {
  const version = versions.get(policyId)
  if (version === undefined) throw new Error(`policy ${policyId} has no version`)
  return version
}

function policyView(
  row: ObjectRow<'policies'>,
  latest: ObjectRow<'policy_versions'>,
): OutputOf<'policies.get'> {
  return {
    ...governedView(row),
    name: row.name,
    description: row.description,
    latest_version: versionView(latest),
  }
}

function versionView(row: ObjectRow<'policy_versions'>): OutputOf<'policies.add_version'> {
  return {
    id: row.id,
    policy_id: row.policy_id,
    number: row.number,
    language: row.language,
    source: row.source,
    documents: row.documents,
    digest: row.digest,
    created_at: row.created_at.toISOString(),
  }
}
