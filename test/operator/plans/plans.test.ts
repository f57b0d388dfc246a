import { expect, test } from 'vitest'
import { startWorld } from '../../world.ts'

test('words to an applied, audited change', async () => {
  await using world = await startWorld()
  const plan = await world.call('POST', 'plans', {
    intent: 'let billing-agent read invoices',
    steps: [
      { id: 'app', operation: 'applications.create', input: { name: 'billing-agent' } },
      {
        id: 'res',
        operation: 'resources.create',
        input: { name: 'Invoices', scopes: ['invoices:read', 'invoices:write'] },
      },
      {
        id: 'grant',
        operation: 'grants.create',
        input: {
          application_id: '{{steps.app.output.id}}',
          resource_id: '{{steps.res.output.id}}',
          scopes: ['invoices:read'],
        },
      },
    ],
  })
  expect(plan).toMatchObject({ status: 201, body: { state: 'pending_approval' } })
  expect(plan.body.preview.access.gained).toMatchObject([
    { application_name: 'billing-agent', scope: 'invoices:read' },
  ])
  const one = `plans/${plan.body.id}`
  const approved = await world.call('POST', `${one}/approve`, { digest: plan.body.digest })
  expect(approved.body.state).toBe('approved')
  const applied = await world.call('POST', `${one}/apply`, {})
  expect(applied.body.secrets).toMatchObject([{ step: 'app', field: 'client_secret' }])
  const again = await world.call('POST', `${one}/apply`, {})
  expect(again.body).toMatchObject({ replayed: true, secrets: [] })

  const [application] = (await world.call('GET', 'applications')).body.items
  const token = await world.oauth('token', {
    grant_type: 'client_credentials',
    client_id: application.id,
    client_secret: applied.body.secrets[0].value,
    resource: 'resource://invoices',
    scope: 'invoices:read',
  })
  expect(token).toMatchObject({ status: 200, body: { scope: 'invoices:read' } })
})
