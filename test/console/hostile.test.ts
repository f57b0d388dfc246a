/// <reference lib="dom" />
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWorld, type World } from '../world.ts'
import { buildConsole, chromiumPath, openBrowser, openWindow, signIn } from './browser.ts'

const script = `<script>window.hit=1</script>`
const image = `"><img src=x onerror="window.hit=1">`
const long = `L${'o'.repeat(118)}g`

/** security.md, XSS through any stored string: it shows as text and runs nothing. */
describe.skipIf(chromiumPath === null)('stored strings', () => {
  let world: World
  let browser: Browser
  let plan: { id: string; digest: string }
  let paths: readonly (readonly [string, string])[]

  beforeAll(async () => {
    await buildConsole()
    world = await startWorld()
    browser = await openBrowser()
    const mallory = await world.person(`Mallory ${image}`, ['write', 'audit'])
    const held = await world.call('POST', 'applications', { name: `held ${script}` })
    const resource = await world.call('POST', 'resources', {
      name: `Ledger ${image}`,
      scopes: ['ledger:read'],
    })
    await world.call('POST', 'grants', {
      application_id: held.body.id,
      user_id: `user ${script}`,
      resource_id: resource.body.id,
      scopes: ['ledger:read'],
    })
    const steps = [
      { id: 'a', operation: 'applications.create', input: { name: `app ${script}` } },
      {
        id: 'b',
        operation: 'resources.create',
        input: { name: long, description: `${image}\n${script}`, scopes: ['x:read'] },
      },
      {
        id: 'c',
        operation: 'applications.patch',
        input: { application_id: held.body.id, description: script },
      },
    ]
    const intent = `pay ${script} and \u202Eesrever ${image}`
    const made = await world.call('POST', 'plans', { steps, intent }, { token: mallory })
    expect(made.status).toBe(201)
    plan = made.body
    const again = await world.call('POST', 'plans', { steps, intent }, { token: mallory })
    await world.call('POST', `plans/${again.body.id}/reject`, { reason: image })
    const asked = (await world.events()).at(-1)?.request_id ?? ''
    const zone = '/console/zones/default'
    paths = [
      [`${zone}/ask`, 'Ask the Operator'],
      [`${zone}/plans`, script],
      [`${zone}/plans/${plan.id}`, `app ${script}`],
      [`${zone}/plans/${again.body.id}`, image],
      [`${zone}/access`, `held ${script}`],
      [`${zone}/audit`, `Mallory ${image}`],
      [`${zone}/audit/${asked}`, 'Request'],
    ]
  })

  afterAll(async () => {
    await browser.close()
    await world[Symbol.asyncDispose]()
  })

  /** Every page of the console in turn, once what is stored is on it. */
  async function visit(page: Page, look: () => Promise<void>): Promise<void> {
    for (const [path, text] of paths) {
      await page.goto(path)
      await page.getByRole('main').getByText(text).first().waitFor()
      await look()
    }
  }

  test('markup shows as text and runs nothing', async () => {
    const { context, page, faults } = await openWindow(browser, world)
    await signIn(page, '/', world.token)
    await visit(page, async () => {
      const found = await page.evaluate(() => ({
        hit: 'hit' in window,
        scripts: [...document.scripts].map(({ src }) => new URL(src).pathname),
        pictures: [...document.images].map(({ src }) => new URL(src).pathname),
        inline: document.querySelectorAll('[style], [onerror], [onclick]').length,
      }))
      expect(found).toMatchObject({ hit: false, inline: 0 })
      expect(found.scripts).toEqual([expect.stringMatching(/^\/console\/assets\/index-/)])
      for (const picture of found.pictures) expect(picture).toMatch(/^\/console\/assets\/icon-/)
    })
    expect(faults).toEqual([])
    await context.close()
  })

  test('what reorders text is shown by its code point', async () => {
    const { context, page } = await openWindow(browser, world)
    await signIn(page, `/console/zones/default/plans/${plan.id}`, world.token)
    await page.getByRole('heading', { level: 1 }).waitFor()
    expect(await page.getByRole('main').innerText()).toContain('<U+202E>esrever')
    expect(await page.content()).not.toContain('\u202E')
    await context.close()
  })

  test('the page itself refuses a string as markup, and a script that stands in it', async () => {
    const { context, page } = await openWindow(browser, world)
    await page.goto('/console')
    await page.getByLabel('Admin token').waitFor()
    const tried = await page.evaluate((markup) => {
      const outcomes: string[] = []
      const attempt = (act: () => unknown): void => {
        try {
          act()
          outcomes.push('done')
        } catch (error) {
          outcomes.push(error instanceof Error ? error.name : 'thrown')
        }
      }
      attempt(() => (document.body.innerHTML = markup))
      attempt(() => {
        const inline = document.createElement('script')
        inline.textContent = 'window.hit = 1'
        document.body.append(inline)
        if (!('hit' in window)) throw new TypeError('it did not run')
      })
      return outcomes
    }, image)
    expect(tried).toEqual(['TypeError', 'TypeError'])
    await context.close()
  })

  test('another site gets no frame of it', async () => {
    const { context, page } = await openWindow(browser, world)
    await page.route('http://elsewhere.test/', (route) =>
      route.fulfill({
        contentType: 'text/html',
        body: `<iframe src="${world.url}/console"></iframe>`,
      }),
    )
    await page.goto('http://elsewhere.test/')
    const frame = page.frames()[1]
    await expect.poll(() => frame?.url()).toMatch(/^chrome-error:/)
    await context.close()
  })

  test.each([
    ['narrow', { width: 360, height: 740 }],
    ['narrow and dark', { width: 360, height: 740, dark: true }],
    ['wide', { width: 1440, height: 900 }],
  ])('no page is broader than a %s screen', async (_, look) => {
    const { context, page } = await openWindow(browser, world, look)
    await signIn(page, '/', world.token)
    await visit(page, async () => {
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      expect(width, page.url()).toBeLessThanOrEqual(look.width)
    })
    await context.close()
  })

  test('every control has a name in the accessibility tree, and every page one heading', async () => {
    const { context, page } = await openWindow(browser, world)
    const session = await context.newCDPSession(page)
    const controls = new Set('button link textbox searchbox combobox radio checkbox'.split(' '))
    const look = async (): Promise<void> => {
      const { nodes } = await session.send('Accessibility.getFullAXTree')
      const nameless = nodes.filter(
        ({ ignored, role, name }) =>
          !ignored && controls.has(String(role?.value)) && String(name?.value ?? '').trim() === '',
      )
      expect(nameless, page.url()).toEqual([])
      expect(await page.getByRole('heading', { level: 1 }).count(), page.url()).toBe(1)
      expect(await page.getByRole('main').count()).toBe(1)
      expect(await page.evaluate(() => document.documentElement.lang)).toBe('en')
    }
    await page.goto('/console')
    await page.getByLabel('Admin token').waitFor()
    await look()
    await signIn(page, '/', world.token)
    await visit(page, look)
    await context.close()
  })

  test('it works by keyboard: the skip link, the sections, a plan', async () => {
    const { context, page } = await openWindow(browser, world)
    await signIn(page, '/console/zones/default/plans', world.token)
    await page.reload()
    await page.getByRole('table').waitFor()
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the page')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.closest('main')?.id)).toBe('main')
    await page.getByRole('link', { name: 'Audit' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Audit' }).waitFor()
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main')
    await context.close()
  })
})
