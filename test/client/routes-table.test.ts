import { expect, test } from 'vitest'
import { routes } from '../../src/client/routes-table.ts'
import { catalogue } from '../../tools/catalogue.ts'
import type { Operation } from '../../tools/operation.ts'
import { camel, clientRoutes, verbOf } from './client-routes.ts'

const operations: readonly Operation[] = catalogue

// `npx vitest run test/client/routes-table.test.ts --update` writes it anew.
test('the table is what the catalogue makes', async () => {
  await expect(await clientRoutes(operations)).toMatchFileSnapshot(
    '../../src/client/routes-table.ts',
  )
})

test.each(operations.map((operation) => [operation.id, operation] as const))(
  '%s has its method in the client',
  (id, operation) => {
    const object = camel(id.slice(0, id.indexOf('.')))
    const methods: Readonly<Record<string, unknown>> = routes[object as keyof typeof routes]
    const { method, path } = operation.route
    expect(methods[camel(verbOf(operation))]).toMatchObject({ method, path })
  },
)
