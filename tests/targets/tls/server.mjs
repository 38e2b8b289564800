// Mail servers that begin in plain text: PORT changes to TLS when it is asked to, with CERT and
// KEY; PLAIN_PORT never does.
import { readFileSync } from 'node:fs'

import { SMTPServer } from 'smtp-server'

const { PORT, PLAIN_PORT, CERT, KEY } = process.env
const identity = { cert: readFileSync(CERT), key: readFileSync(KEY), minVersion: 'TLSv1.2' }

for (const [port, options] of [
  [PORT, identity],
  [PLAIN_PORT, { disabledCommands: ['STARTTLS'] }]
]) {
  const server = new SMTPServer({ authOptional: true, name: 'mail.test', ...options })
  // A handshake that comes to nothing is the client's business.
  server.on('error', () => {})
  server.listen(port, '127.0.0.1')
}
