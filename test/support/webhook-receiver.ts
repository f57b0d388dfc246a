import { createHmac } from 'node:crypto'
import { startHttpsServer, type HttpsServer } from './https-server.ts'

export interface Received {
  readonly path: string
  readonly id: string
  readonly timestamp: number
  readonly signature: string
  readonly body: string
  readonly message: {
    readonly type: string
    readonly timestamp: string
    readonly data: Readonly<Record<string, unknown>>
  }
}

/** Null: the message is left without an answer. */
type Status = number | null

/** A receiver that keeps what it gets, and answers with the status that it is told. */
export interface WebhookReceiver extends AsyncDisposable, Pick<HttpsServer, 'origin' | 'network'> {
  readonly received: readonly Received[]
  answerWith(status: Status | (() => Status)): void
}

export async function startReceiver(): Promise<WebhookReceiver> {
  const received: Received[] = []
  let answer: Status | (() => Status) = 200
  const server = await startHttpsServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const header = (name: string): string => String(request.headers[name])
      received.push({
        path: request.url ?? '',
        id: header('webhook-id'),
        timestamp: Number(header('webhook-timestamp')),
        signature: header('webhook-signature'),
        body,
        message: JSON.parse(body) as Received['message'],
      })
      const status = typeof answer === 'function' ? answer() : answer
      if (status === null) return
      response.writeHead(status, status === 302 ? { location: 'https://127.0.0.1/' } : {}).end()
    })
  }, 'hooks.example.com')
  return {
    origin: server.origin,
    network: server.network,
    received,
    answerWith: (next) => {
      answer = next
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** What a receiver computes to believe a message (Standard Webhooks 1.0). */
export function signatureOf(secret: string, { id, timestamp, body }: Received): string {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}
