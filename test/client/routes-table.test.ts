import { expect, test } from 'vitest'
import { routes } from '../../src/client/routes-table.ts'
import { catalogue } from '../../tools/catalogue.ts'
import type { Operation } from '../../tools/operation.ts'
import { camel, verbOf } from '../../scripts/client-routes.ts'

const operations: readonly Operation[] = catalogue

test.each(operations.map((operation) => [operation.id, operation] as const))(
  '%s has its method in the client',
  (id, operation) => {
    const object = camel(id.slice(0, id.indexOf('.')))
    const methods: Readonly<Record<string, unknown>> = routes[object as keyof typeof routes]
    const { method, path } = operation.route
    expect(methods[camel(verbOf(operation))]).toMatchObject({ method, path })
  },
)
