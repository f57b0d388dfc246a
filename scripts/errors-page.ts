import { STATUS_CODES } from 'node:http'
import { code, generatedNotice, markdownTable } from './markdown.ts'

const introduction = `# Errors

Every refusal answers with the same JSON, and its \`error\` is the contract: it names one entry of the
table below and does not change, while the description may.

\`\`\`json
{
  "error": "name_of_the_error",
  "error_description": "what happened and what to do next",
  "details": {},
  "request_id": "req_..."
}
\`\`\`

\`details\` is there where public facts help the caller; for \`invalid_body\` it holds
\`issues\`, a list of \`{path, message}\`. The token endpoint answers with the codes of RFC 6749 section
5.2, RFC 8693 section 2.2.2 and RFC 8707 section 2. The command line prints the same code and
description.`

/** The reference page of every refusal, by HTTP status. */
export function errorsPage(statusByCode: Readonly<Record<string, number>>): string {
  const byStatus = Object.groupBy(Object.entries(statusByCode), ([, status]) => String(status))
  const rows = Object.entries(byStatus).map(([status, codes = []]) => [
    `${status} ${STATUS_CODES[status] ?? ''}`,
    codes.map(([name]) => code(name)).join(', '),
  ])
  return `${generatedNotice}\n\n${introduction}\n\n${markdownTable(['status', 'errors'], rows)}\n`
}
