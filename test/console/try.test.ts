import { expect, test } from 'vitest'
import { buildConsole, openBrowser, openWindow, signIn } from './browser.ts'
import { startWorld } from '../world.ts'

test('look', async () => {
  await buildConsole()
  await using world = await startWorld()
  const browser = await openBrowser()
  for (const [tag, look] of [['wide', {}], ['dark', {dark:true}], ['narrow', {width:360,height:740}]] as const) {
    const { page, faults } = await openWindow(browser, world, look)
    await page.goto('/')
    await page.screenshot({ path: `/tmp/shots/${tag}-signin.png` })
    await signIn(page, '/', world.token)
    await page.waitForTimeout(300)
    await page.screenshot({ path: `/tmp/shots/${tag}-ask0.png` })
    await page.getByLabel('Message to the Operator').fill(`register an application called billing-${tag} and a resource called Invoices-${tag} with scopes invoices:read and invoices:write, and let billing-${tag} read Invoices-${tag}`)
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'Review and decide' }).waitFor({timeout: 8000}).catch(() => undefined)
    await page.waitForTimeout(300)
    await page.screenshot({ path: `/tmp/shots/${tag}-ask1.png`, fullPage: true })
    const plan = await world.call('POST', 'plans', {
    intent: 'let billing-agent read invoices',
    summary: '',
    steps: [
      { id: 'app', operation: 'applications.create', input: { name: 'billing-agent '+tag } },
      { id: 'res', operation: 'resources.create', input: { name: 'Invoices '+tag, scopes: ['invoices:read', 'invoices:write'] } },
      { id: 'grant', operation: 'grants.create', input: { application_id: '{{steps.app.output.id}}', resource_id: '{{steps.res.output.id}}', scopes: ['invoices:read'], expires_at: '2026-12-24T00:00:00Z' } },
    ]})
    await page.goto(`/console/zones/default/plans/${plan.body.id}`)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await page.waitForTimeout(300)
    await page.screenshot({ path: `/tmp/shots/${tag}-plan.png`, fullPage: true })
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('button', { name: 'Apply' }).click()
    await page.waitForTimeout(600)
    await page.screenshot({ path: `/tmp/shots/${tag}-applied.png`, fullPage: true })
    for (const s of ['plans', 'access', 'audit']) {
      await page.goto(`/console/zones/default/${s}`)
      await page.waitForTimeout(400)
      await page.screenshot({ path: `/tmp/shots/${tag}-${s}.png` })
    }
    await page.locator('td a').first().click()
    await page.waitForTimeout(400)
    await page.screenshot({ path: `/tmp/shots/${tag}-trace.png` })
    await page.goto('/console/zones/default/plans/plan_nope')
    await page.waitForTimeout(400)
    await page.screenshot({ path: `/tmp/shots/${tag}-error.png` })
    console.log(tag, faults)
  }
  await browser.close()
}, 120000)
