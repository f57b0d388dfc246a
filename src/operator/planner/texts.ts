import type { Entity, Kind } from './entities.ts'

/** What kinds are called in answers. */
export const kindNames: Readonly<Record<Kind, string>> = {
  application: 'application',
  resource: 'resource',
  provider: 'provider',
  policy: 'policy',
  policySet: 'policy set',
  zone: 'zone',
}

export function quoted(name: string): string {
  return `"${name.replace(/\s+/gu, ' ')}"`
}

/** A name that a sentence of the planner may hold unquoted; others are quoted. */
export function nameInRequest(name: string): string | null {
  if (/["“”„«»`\n]/u.test(name)) return null
  return /^[\p{L}\p{N}]+(?:[-_.][\p{L}\p{N}]+)*$/u.test(name) && name.length > 2
    ? name
    : `"${name}"`
}

export function cited(entity: { readonly name: string; readonly id: string }): string {
  return entity.id.startsWith('{{') ? quoted(entity.name) : `${quoted(entity.name)} (${entity.id})`
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(parts: readonly string[], word = 'and'): string {
  if (parts.length <= 1) return parts.join('')
  return `${parts.slice(0, -1).join(', ')} ${word} ${parts.at(-1) ?? ''}`
}

/** The first so many, and how many more there are. */
export function some(parts: readonly string[], most = 12, word = 'and'): string {
  if (parts.length <= most) return listed(parts, word)
  return `${parts.slice(0, most).join(', ')} and ${String(parts.length - most)} more`
}

export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${String(number)} ${number === 1 ? noun : plural}`
}

export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Questions of the planner; the answer to one is put into the request that it was asked about. */
export const questions = {
  whichOf: (text: string, kind: Kind, among: readonly Entity[]): string =>
    `Which ${kindNames[kind]} do you mean by ${quoted(text)}: ${some(among.map(cited), 6, 'or')}?`,
  noSuch: (text: string, kind: Kind, like: readonly Entity[]): string =>
    `There is no ${kindNames[kind]} called ${quoted(text)} in this zone.${
      like.length === 1
        ? ` Do you mean ${like.map(cited).join('')}?`
        : like.length > 1
          ? ` Do you mean ${some(like.map(cited), 6, 'or')}?`
          : ` Register it first, or give the name of one that exists?`
    }`,
  missing: (kind: Kind, among: readonly Entity[]): string =>
    `Which ${kindNames[kind]} do you mean?${
      among.length > 0 ? ` This zone has ${some(among.map(cited))}.` : ''
    }`,
  whichScopes: (resource: string, scopes: readonly string[]): string =>
    `Which scopes on ${quoted(resource)}: ${some(scopes, 12, 'or')}?`,
  noSuchScope: (word: string, resource: string, scopes: readonly string[]): string =>
    `${quoted(resource)} has no scope ${quoted(word)}; it has ${some(scopes)}. Which do you mean?`,
  severalScopes: (word: string, resource: string, scopes: readonly string[]): string =>
    `${quoted(word)} could be ${some(scopes, 6, 'or')} of ${quoted(resource)}. Which do you mean?`,
  needsName: (kind: Kind): string => `What should the ${kindNames[kind]} be called?`,
  past: (when: string): string => `${when} is in the past. Until when should it be?`,
  onlyNow:
    'I can say what is allowed now. What was decided before is in the audit log: ask, for example, "what happened yesterday". Which do you mean?',
  addOrReplaceLabels:
    'Shall the label be added to those that are there, or shall others go? Say "add the label X to Y" and "remove the label Z from Y"?',
  reversed:
    'An application uses a resource, and not the other way round. Which application may do what on which resource?',
  giveAndApprove:
    'Access and a person\'s approval of its use are two changes. Please say them in two sentences: "let ... read ...; require approval for ..."?',
  choice:
    'You gave a choice with "or", and I plan what is certain alone. Which of them should it be?',
  cannotSuspend: (name: string): string =>
    `An application cannot be switched off for a while. Shall the access of ${quoted(name)} be revoked, or the application be deleted?`,
  whoseAccess: 'Whose access do you mean, and which scopes of it?',
  untilWhen: 'Until when should it be, for example "until Friday 18:00" or "for two hours"?',
  denied: (what: string): string =>
    `You said what should not happen, so nothing is planned.${what === '' ? '' : ` ${what}`} What should change instead?`,
}

/** What the planner says about times that could mean several. */
export const unclearTimes = {
  'which-day': 'That names a month and no day. Which day do you mean?',
  'day-or-month':
    'That date can be read with the day or the month first. Please write it as 2027-04-03.',
  'today-or-next-week': 'That is today. Do you mean today, or the same day of next week?',
} as const

export const general = {
  greeting:
    'Hello. Say what should change, or ask who can do what; "help" lists what I understand.',
  thanks: 'You are welcome.',
  nothingToCancel:
    'Nothing is planned by this. A plan that waits stays as it is until it is rejected.',
  nothingToConfirm:
    'There is nothing of mine to say yes to. A waiting plan is approved in the console or with `caracal plan approve ID`.',
  tooLong:
    'That is more than I can read at once. Please send one or a few requests at a time, in plain sentences.',
  empty: 'Say what should change, or ask who can do what.',
  notUnderstood: (spans: readonly string[]): string =>
    `I did not understand: ${spans.map((span) => `'${span}'`).join(', ')}.`,
  notPlannedForThat: 'I planned nothing, because that part could change what the rest means.',
  howToGoOn: 'Say it in other words, or ask for "help".',
  leftOut: (spans: readonly string[]): string =>
    `I left out what I did not understand: ${spans.map((span) => `'${span}'`).join(', ')}.`,
  refused: (code: string, message: string): string => `That was refused: ${message} (${code})`,
  answersOnly:
    'This conversation only answers, so nothing was planned. Ask the same in a conversation of agent mode.',
  tooManySteps: (steps: number, most: number): string =>
    `That would take ${String(steps)} steps, and a plan has at most ${String(most)}. Ask for less at a time.`,
  help: [
    'I understand requests and questions in plain English, for example:',
    '- register an application called billing-agent and a resource called Invoices with scopes invoices:read and invoices:write',
    '- let billing-agent read invoices until Friday 18:00',
    '- stop support-bot from writing invoices; revoke all access of support-bot',
    '- extend the access of billing-agent to invoices by two days',
    '- rename, label, delete and rotate the secret of applications; add scopes to resources; set upstreams and providers',
    '- freeze the zone; require approval for invoices:write; roll back the policy set',
    '- create a zone called staging with the same resources as default',
    '- who can read invoices? what can billing-agent do? why was billing-agent refused? what changed today? what expires this week?',
    'Every change becomes a plan that shows its exact effect and waits for a person to approve it.',
  ].join('\n'),
  approve:
    'Nothing said here approves, applies or rejects a plan. A person does that in the console, or with `caracal plan approve ID` (then `caracal plan apply ID`) or `caracal plan reject ID`.',
  adminTokens:
    'Admin tokens are never part of a plan. An owner makes, rotates and revokes them with `caracal token create`, `caracal token rotate` and `caracal token delete`, or in the console.',
  providerSecret:
    'The secret of a provider is never part of a plan or of this conversation. Set it with `caracal provider set-secret` or in the console; it is sealed and cannot be read back.',
  otherZone: (name: string): string =>
    `This conversation is about the zone ${quoted(name)} alone. Open one in the other zone for that.`,
  undo: 'I do not undo applied plans yet. Say which change should be made back, and I plan that.',
} as const

/** How an answer says that a plan was made, or that there is none to make. */
export const planTexts = {
  made: (what: string, id: string): string =>
    `${what} Plan ${id} waits for approval: in the console, or with \`caracal plan approve ${id}\`. Nothing has changed yet.`,
  nothingToChange: 'Nothing needs changing.',
  blocked: (step: string, message: string, code: string): string =>
    `Step ${step} is blocked: ${message} (${code})`,
  corrected: (said: string, meant: string): string =>
    `I took ${quoted(said)} to mean ${quoted(meant)}.`,
}
