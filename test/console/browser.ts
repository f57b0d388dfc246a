import { execFile } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { packageFile } from '../../src/kernel/package-root.ts'
import type { World } from '../world.ts'

const usualPlaces = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/** Where a Chromium is on this machine; null, and a line that says so, where there is none. */
export const chromiumPath: string | null = usualPlaces.find((path) => existsSync(path)) ?? null
if (chromiumPath === null)
  process.stdout.write('console: there is no Chromium here; its tests are skipped\n')

/** Builds the console where its sources are newer than what was built. */
export async function buildConsole(): Promise<void> {
  const built = timeOf(packageFile('dist', 'console', 'index.html'))
  const sources = ['console', 'client'].flatMap((folder) => filesIn(packageFile('src', folder)))
  if (sources.every((file) => timeOf(file) < built)) return
  const vite = packageFile('node_modules', 'vite', 'bin', 'vite.js')
  // Another test file may be served from the folder at this moment: nothing is taken away from it.
  const build = [vite, 'build', '--emptyOutDir', 'false', '--logLevel', 'warn']
  // The tests' own NODE_ENV would make it a console for developers.
  const env = { ...process.env, NODE_ENV: 'production' }
  await promisify(execFile)(process.execPath, build, { cwd: packageFile(), env })
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
    join(folder, name),
  )
}

function timeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/** A Chromium with a profile of its own, which asks nobody but the pages it is sent to. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath ?? '',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** What a page did that no page of the console may do. */
export interface Watched {
  readonly context: BrowserContext
  readonly page: Page
  /** Errors, dialogs, refusals of the content policy, and requests to another origin. */
  readonly faults: string[]
}

export interface Look {
  readonly width?: number
  readonly height?: number
  readonly dark?: boolean
}

/** A new window on the console of a world, watched from its first request. */
export async function openWindow(
  browser: Browser,
  world: World,
  look: Look = {},
): Promise<Watched> {
  const { width = 1280, height = 900, dark = false } = look
  const context = await browser.newContext({
    baseURL: world.url,
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    locale: 'en-GB',
    timezoneId: 'UTC',
  })
  context.setDefaultTimeout(10_000)
  const page = await context.newPage()
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`))
  page.on('dialog', (dialog) => {
    if (dialog.type() !== 'beforeunload') faults.push(`dialog: ${dialog.message()}`)
    void dialog.accept().catch(() => undefined)
  })
  page.on('console', (message) => {
    if (/Content Security Policy|Trusted/i.test(message.text())) faults.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(world.url)) faults.push(`request: ${request.url()}`)
  })
  return { context, page, faults }
}

/** Signs in at an address of the console, as whoever holds the token. */
export async function signIn(page: Page, path: string, token: string): Promise<void> {
  await page.goto(path)
  await page.getByLabel('Admin token').fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation', { name: 'Sections' }).waitFor()
}
