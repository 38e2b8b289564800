// Pages with the headers that users' stacks send: below each path one stack, each with its own
// page for what is not there. TLS on PORT, with CERT and KEY; PLAIN_PORT redirects to it.
import { readFileSync } from 'node:fs'
import { createServer as plain } from 'node:http'
import { createServer as secure } from 'node:https'

import 'reflect-metadata'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import express from 'express'
import session from 'express-session'
import helmet from 'helmet'
import helmet7 from 'helmet7'

const page = '<!doctype html><html lang="en"><head><title>page</title></head><body>page</body></html>'
const { PORT, PLAIN_PORT, CERT, KEY } = process.env

/** An Express application with this middleware, a page, and a page for what is not there. */
function stack(...middleware) {
  const app = express()
  for (const one of middleware) app.use(one)
  app.get('/', (_, response) => response.type('html').send(page))
  app.use((_, response) => response.status(404).type('html').send(page))
  return app
}

const signIn = cookie => [
  session({ secret: 'of a test', resave: false, saveUninitialized: true, proxy: true, cookie }),
]

const app = express()
app.disable('x-powered-by')
app.use('/bare', stack())
app.use('/helmet8', stack(helmet()))
app.use('/helmet7', stack(helmet7()))
app.use('/late', (() => {
  // helmet after the page, and before nothing: only errors are protected.
  const late = express()
  late.get('/', (_, response) => response.type('html').send(page))
  late.use(helmet())
  late.use((_, response) => response.status(404).type('html').send(page))
  return late
})())
app.use('/session', stack(helmet(), ...signIn({ secure: true, httpOnly: true, sameSite: 'lax' })))
app.use('/careless', stack(helmet(), ...signIn({ secure: false, httpOnly: false })))
const api = express()
api.disable('x-powered-by')
api.use(helmet())
api.get('/', (_, response) => response.json({ items: [] }))
app.use('/api', api)

// NestJS below /nest, as its own adapter serves it.
const nest = express()
class Root {}
Module({})(Root)
const application = await NestFactory.create(Root, new ExpressAdapter(nest), { logger: false })
application.use(helmet())
application.getHttpAdapter().get('/', (_, response) => response.type('html').send(page))
await application.init()
app.use('/nest', nest)

secure({ cert: readFileSync(CERT), key: readFileSync(KEY) }, app).listen(PORT, '127.0.0.1')
plain((request, response) => {
  response.writeHead(308, { location: `https://localhost:${PORT}${request.url}` }).end()
}).listen(PLAIN_PORT, '127.0.0.1')
