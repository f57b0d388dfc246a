/** What a browser shows or where it is sent, of one request. */
export interface Shown {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly html: string
  /** Where it is sent; null: nowhere. */
  readonly location: URL | null
}

/** As much of a browser as signing in needs: cookies of one host, forms, and no script. */
export interface Browser {
  get(url: string): Promise<Shown>
  /** Sends the form of a page whose button says `button`, with more fields filled in. */
  submit(page: Shown, at: string, button: string, fields?: Record<string, string>): Promise<Shown>
  cookie: string | null
}

export function openBrowser(): Browser {
  const send = async (url: string, init: RequestInit = {}): Promise<Shown> => {
    const headers = browser.cookie === null ? {} : { cookie: browser.cookie }
    const answer = await fetch(url, { ...init, headers, redirect: 'manual' })
    const set = answer.headers.get('set-cookie')
    if (set !== null) browser.cookie = set.split(';', 1)[0] ?? null
    const location = answer.headers.get('location')
    return {
      status: answer.status,
      headers: new Map(answer.headers),
      html: await answer.text(),
      location: location === null ? null : new URL(location),
    }
  }
  const browser: Browser = {
    cookie: null,
    get: (url) => send(url),
    submit(page, at, button, fields = {}) {
      const form = page.html
        .split('<form')
        .slice(1)
        .find((text) => text.includes(button))
      if (form === undefined) throw new Error(`no form says ${button}: ${page.html}`)
      const filled = new URLSearchParams()
      for (const [, name = '', value = ''] of form.matchAll(/name="([^"]*)" value="([^"]*)"/g))
        filled.set(name, unescaped(value))
      for (const [name, value] of Object.entries(fields)) filled.set(name, value)
      return send(new URL('authorize', at).href, { method: 'POST', body: filled })
    },
  }
  return browser
}

function unescaped(text: string): string {
  const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }
  return text.replace(/&([a-z#0-9]+);/g, (whole, name: string) => entities[name] ?? whole)
}
