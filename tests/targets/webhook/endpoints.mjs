// Webhook endpoints on the libraries of those who send: each verified by its sender's own code.
// A POST that passes is answered 2xx. `/counts` tells how many requests each path got.
import crypto from 'node:crypto';
import http from 'node:http';
import { createRequire } from 'node:module';
import express from 'express';
import Stripe from 'stripe';
import twilio from 'twilio';
import { Webhooks, createNodeMiddleware } from '@octokit/webhooks';
import { Webhook as Svix } from 'svix';
import { Webhook as Standard } from 'standardwebhooks';
import bolt from '@slack/bolt';
import { verifyKeyMiddleware, verifyWebhookEventMiddleware } from 'discord-interactions';
import { EventWebhook } from '@sendgrid/eventwebhook';
import { LinearWebhookClient } from '@linear/sdk/webhooks';
import { Paddle } from '@paddle/paddle-node-sdk';
import { Inngest } from 'inngest';
import { serve } from 'inngest/express';
import { webhookCallback, Bot } from 'grammy';
import { createVerifier, httpbis } from 'http-message-signatures';
import '@shopify/shopify-api/adapters/node';
import { shopifyApi } from '@shopify/shopify-api';

const require = createRequire(import.meta.url);
const { WebhooksHelper } = require('square');
const { Signature } = require('@hubspot/api-client/lib/src/utils/signature');

const port = Number(process.env.PORT);
const secret = process.env.SECRET;
const svixSecret = process.env.SVIX_SECRET;
const here = (path) => `http://127.0.0.1:${port}${path}`;

// Private keys come from the test; their public halves are what an endpoint knows.
const ed25519 = crypto.createPrivateKey({
  key: Buffer.concat([
    Buffer.from('302e020100300506032b657004220420', 'hex'),
    Buffer.from(process.env.ED25519_SEED, 'hex'),
  ]),
  format: 'der',
  type: 'pkcs8',
});
const publicOf = (key) => crypto.createPublicKey(key);
const discordKey = publicOf(ed25519).export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
const p256 = crypto.createPrivateKey({
  key: Buffer.from(process.env.P256_KEY, 'base64'),
  format: 'der',
  type: 'pkcs8',
});
const sendgridKey = publicOf(p256).export({ format: 'der', type: 'spki' }).toString('base64');

const app = express();
const counts = {};
app.use((req, res, next) => {
  counts[req.path] = (counts[req.path] ?? 0) + 1;
  next();
});
app.get('/counts', (req, res) => res.json(counts));

const raw = express.raw({ type: () => true, limit: '1mb' });
const refuse = (res, why) => res.status(400).send(`Webhook Error: ${why}`);
// A handler that throws or says no refuses with 400; one that does not takes the delivery.
const endpoint = (path, verify) =>
  app.post(path, raw, async (req, res) => {
    const text = Buffer.isBuffer(req.body) ? req.body.toString('utf8') : '';
    try {
      if ((await verify(text, req)) === false) return refuse(res, 'signature does not match');
    } catch (error) {
      return refuse(res, error.message);
    }
    res.json({ received: true });
  });

const stripe = new Stripe('sk_test_none');
endpoint('/stripe', (body, req) => stripe.webhooks.constructEvent(body, req.get('stripe-signature'), secret));
app.post('/twilio', express.urlencoded({ extended: false }), twilio.webhook(secret), (req, res) =>
  res.type('text/xml').send('<Response/>'));
app.post('/twilio_json', raw, (req, res) => {
  const given = req.get('x-twilio-signature') ?? '';
  const ok = twilio.validateRequestWithBody(secret, given, here(req.originalUrl), req.body.toString());
  res.status(ok ? 200 : 403).type('text/plain').send(ok ? 'ok' : 'Twilio Request Validation Failed.');
});
const octokit = new Webhooks({ secret });
app.use(createNodeMiddleware(octokit, { path: '/github' }));
endpoint('/svix', (body, req) => new Svix(svixSecret).verify(body, req.headers));
endpoint('/standard_webhooks', (body, req) => new Standard(svixSecret).verify(body, req.headers));
const slack = new bolt.ExpressReceiver({ signingSecret: secret, endpoints: '/slack', app, logLevel: 'error', unhandledRequestTimeoutMillis: 50 });
new bolt.App({ receiver: slack, token: 'xoxb-none', tokenVerificationEnabled: false, logLevel: 'error' });
app.post('/discord', verifyKeyMiddleware(discordKey), (req, res) => res.json({ type: 4 }));
app.post('/discord_events', verifyWebhookEventMiddleware(discordKey), (req, res) => res.status(204).end());
const sendgrid = new EventWebhook();
const sendgridPublic = sendgrid.convertPublicKeyToECDSA(sendgridKey);
endpoint('/sendgrid', (body, req) =>
  sendgrid.verifySignature(
    sendgridPublic,
    body,
    req.get('x-twilio-email-event-webhook-signature'),
    req.get('x-twilio-email-event-webhook-timestamp'),
  ));
const linear = new LinearWebhookClient(secret).createHandler();
app.post('/linear', (req, res) => linear(req, res));
const paddle = new Paddle('pdl_none');
endpoint('/paddle', async (body, req) => {
  await paddle.webhooks.unmarshal(body, secret, req.get('paddle-signature') ?? '');
});
endpoint('/square', (body, req) =>
  WebhooksHelper.verifySignature({
    requestBody: body,
    signatureHeader: req.get('x-square-hmacsha256-signature') ?? '',
    signatureKey: secret,
    notificationUrl: here(req.originalUrl),
  }));
for (const version of ['v1', 'v2', 'v3']) {
  endpoint(`/hubspot_${version}`, (body, req) =>
    Signature.isValid({
      signature: req.get(version === 'v3' ? 'x-hubspot-signature-v3' : 'x-hubspot-signature') ?? '',
      clientSecret: secret,
      requestBody: body,
      signatureVersion: version,
      url: here(req.originalUrl),
      method: 'POST',
      timestamp: Number(req.get('x-hubspot-request-timestamp')),
    }));
}
const inngest = new Inngest({ id: 'targets', isDev: false, signingKey: secret, eventKey: 'none' });
const nothing = inngest.createFunction({ id: 'nothing', triggers: [{ event: 'a/b' }] }, async () => {});
app.use('/inngest', express.json(), serve({ client: inngest, functions: [nothing] }));
const shopify = shopifyApi({
  apiKey: 'none',
  apiSecretKey: secret,
  apiVersion: '2025-01',
  scopes: [],
  hostName: 'shop.example',
  isEmbeddedApp: false,
  logger: { log: () => {} },
});
app.post('/shopify', raw, async (req, res) => {
  const { valid } = await shopify.webhooks.validate({
    rawBody: req.body.toString(),
    rawRequest: req,
    rawResponse: res,
  });
  res.status(valid ? 200 : 401).end();
});
const bot = new Bot('1:none', { botInfo: { id: 1, is_bot: true, first_name: 'a', username: 'a' } });
app.post('/telegram', express.json(), webhookCallback(bot, 'express', { secretToken: secret }));
const rfc9421 = createVerifier(Buffer.from(process.env.RFC9421_KEY, 'base64'), 'hmac-sha256');
endpoint('/rfc9421', async (body, req) => {
  const digest = `sha-256=:${crypto.createHash('sha256').update(body).digest('base64')}:`;
  if (req.get('content-digest') !== digest) return false;
  const message = { method: req.method, url: here(req.originalUrl), headers: req.headers };
  return (await httpbis.verifyMessage(
    { keyLookup: async () => ({ id: 'musterd', algs: ['hmac-sha256'], verify: rfc9421 }) },
    message,
  )) === true;
});

http.createServer(app).listen(port, '127.0.0.1');
