import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as it came over the wire. */
export interface MessagesRequest {
  readonly headers: IncomingMessage['headers']
  readonly body: {
    readonly model: string
    readonly max_tokens: number
    readonly stream?: boolean
    readonly system?: readonly { readonly text: string }[]
    readonly messages: readonly { readonly role: string; readonly content: unknown }[]
    readonly tools?: readonly { readonly name: string; readonly input_schema: object }[]
  }
}

export type Block =
  | { readonly type: 'text'; readonly text: string }
  /** `json` is sent as it is in place of the input, well-formed or not. */
  | {
      readonly type: 'tool_use'
      readonly name: string
      readonly input?: object
      readonly json?: string
      /** Unlike any other, when absent. */
      readonly id?: string
    }

export interface Usage {
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cache_creation_input_tokens?: number
  readonly cache_read_input_tokens?: number
}

/** What the model does with a request. */
export type Reply =
  | {
      readonly say: readonly Block[]
      readonly stop?: string
      readonly usage?: Usage
      /** The answer ends, as if it were whole, before its first event of this type. */
      readonly endsBefore?: string
    }
  | {
      readonly error: {
        readonly status: number
        readonly type: string
        readonly message: string
        /** Without any, the client is told to try again at once. */
        readonly headers?: Readonly<Record<string, string>>
      }
    }
  /** An error event after the stream has begun. */
  | { readonly midway: { readonly type: string; readonly message: string } }
  /** The connection ends after this much of the stream. */
  | { readonly cutAfter: readonly Block[] }
  | { readonly hang: true }
  /** The connection ends before a byte of an answer. */
  | { readonly cut: true }
  /** This very answer, whatever it is. */
  | {
      readonly body: string | Buffer
      readonly status?: number
      readonly contentType?: string
    }

export type Brain = (request: MessagesRequest, call: number) => Reply

export interface FakeMessagesApi extends AsyncDisposable {
  readonly url: string
  readonly requests: readonly MessagesRequest[]
}

/** A server that speaks the Messages API, plain and streaming, with a scripted brain. */
export async function startFakeMessagesApi(brain: Brain): Promise<FakeMessagesApi> {
  const requests: MessagesRequest[] = []
  const server = createServer((incoming, response) => {
    void receive(incoming).then((text) => {
      const request = {
        headers: incoming.headers,
        body: JSON.parse(text) as MessagesRequest['body'],
      }
      requests.push(request)
      answer(response, request, brain(request, requests.length))
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

async function receive(incoming: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of incoming) text += String(chunk)
  return text
}

function answer(response: ServerResponse, { body }: MessagesRequest, reply: Reply): void {
  if ('hang' in reply) return
  if ('cut' in reply) {
    response.destroy()
    return
  }
  if ('body' in reply) {
    const { body: text, status = 200, contentType = 'text/event-stream' } = reply
    response.writeHead(status, { 'content-type': contentType, 'retry-after-ms': '1' })
    response.end(text)
    return
  }
  if ('error' in reply) {
    const { status, type, message, headers = { 'retry-after-ms': '1' } } = reply.error
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify({ type: 'error', error: { type, message } }))
    return
  }
  if (body.stream !== true && 'say' in reply) {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(messageOf(body.model, reply)))
    return
  }
  stream(response, body.model, reply)
}

function stream(
  response: ServerResponse,
  model: string,
  reply: Extract<Reply, { say: unknown } | { midway: unknown } | { cutAfter: unknown }>,
): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  const last = 'say' in reply ? reply.endsBefore : undefined
  let ended = false
  const send = (type: string, data: object): void => {
    ended ||= type === last
    if (ended) return
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`)
  }
  const said = 'say' in reply ? reply : { say: 'cutAfter' in reply ? reply.cutAfter : [] }
  const message = messageOf(model, said)
  const { output_tokens, ...input } = message.usage
  const opening = { ...message, content: [], stop_reason: null }
  send('message_start', { message: { ...opening, usage: { ...input, output_tokens: 1 } } })
  send('ping', {})
  said.say.forEach((block, index) => {
    sendBlock(send, block, index)
  })
  if ('midway' in reply) send('error', { error: reply.midway })
  if ('cutAfter' in reply) {
    setTimeout(() => response.destroy(), 20)
    return
  }
  if ('say' in reply) {
    send('message_delta', {
      delta: { stop_reason: message.stop_reason, stop_sequence: null },
      usage: { output_tokens },
    })
    send('message_stop', {})
  }
  response.end()
}

type Send = (type: string, data: object) => void

function sendBlock(send: Send, block: Block, index: number): void {
  const start = block.type === 'text' ? { type: 'text', text: '' } : contentOf(block, index, {})
  send('content_block_start', { index, content_block: start })
  if (block.type === 'text')
    for (const text of block.text.match(/.{1,12}/gsu) ?? [])
      send('content_block_delta', { index, delta: { type: 'text_delta', text } })
  else
    for (const partial_json of jsonOf(block).match(/.{1,9}/gsu) ?? [])
      send('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json } })
  send('content_block_stop', { index })
}

function jsonOf(block: Extract<Block, { type: 'tool_use' }>): string {
  return block.json ?? JSON.stringify(block.input ?? {})
}

let toolUses = 0

function contentOf(block: Extract<Block, { type: 'tool_use' }>, index: number, input: object) {
  toolUses += 1
  return {
    type: 'tool_use',
    id: block.id ?? `toolu_${String(toolUses)}_${String(index)}`,
    name: block.name,
    input,
  }
}

function messageOf(model: string, reply: Extract<Reply, { say: unknown }>) {
  const content = reply.say.map((block, index) =>
    block.type === 'text' ? block : contentOf(block, index, block.input ?? {}),
  )
  const calls = content.some(({ type }) => type === 'tool_use')
  const usage: Usage = reply.usage ?? { input_tokens: 100, output_tokens: 12 }
  return {
    id: 'msg_fake',
    type: 'message',
    role: 'assistant',
    model,
    content,
    stop_reason: reply.stop ?? (calls ? 'tool_use' : 'end_turn'),
    stop_sequence: null,
    usage: { cache_creation_input_tokens: 0, cache_read_input_tokens: 0, ...usage },
  }
}

export function say(text: string): Reply {
  return { say: [{ type: 'text', text }] }
}

export function use(name: string, input: object = {}): Reply {
  return { say: [{ type: 'tool_use', name, input }] }
}

/** The results of the tools that the last message holds, as the model is given them. */
export function resultsIn({
  body,
}: MessagesRequest): readonly { content: string; is_error: boolean }[] {
  const content = body.messages.at(-1)?.content
  if (!Array.isArray(content)) return []
  const blocks = content as readonly { type: string; content?: string; is_error?: boolean }[]
  return blocks
    .filter(({ type }) => type === 'tool_result')
    .map(({ content: text = '', is_error = false }) => ({ content: text, is_error }))
}
