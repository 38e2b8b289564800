// Endpoints as people write them by hand, and what answers in the place of an endpoint. The path says
// which fault each has. `/counts` tells how many requests each path got.
import crypto from 'node:crypto';
import http from 'node:http';
import express from 'express';
import Stripe from 'stripe';
import twilio from 'twilio';
import bolt from '@slack/bolt';
import { Webhook as Svix } from 'svix';
import { verifyKey } from 'discord-interactions';

const port = Number(process.env.PORT);
const secret = process.env.SECRET;
const unset = process.env.NOBODY_SET_THIS;

const app = express();
const counts = {};
app.use((req, res, next) => {
  counts[req.path] = (counts[req.path] ?? 0) + 1;
  next();
});
app.get('/counts', (req, res) => res.json(counts));
// As in production: no stack traces in answers.
app.set('env', 'production');

const raw = express.raw({ type: () => true, limit: '1mb' });
const hmac = (key, body, hash = 'sha256') => crypto.createHmac(hash, key).update(body).digest('hex');
const stripe = new Stripe('sk_test_none');
const given = (req) => req.get('x-hub-signature-256');
const taken = (res) => res.json({ received: true });

// Nobody verifies anything.
for (const path of ['/none/stripe', '/none/twilio', '/none/github', '/none/svix', '/none/slack', '/none/discord', '/none/vapi']) {
  app.post(path, raw, (req, res) => taken(res));
}

// GitHub by hand: `take` says whether a delivery is taken.
const github = (path, take) =>
  app.post(path, raw, (req, res) => (take(req) ? taken(res) : res.status(401).send('Unauthorized')));
github('/github/only-where-there-is-one', (req) => !given(req) || given(req) === `sha256=${hmac(secret, req.body)}`);
github('/github/skipped-while-unset', (req) => !unset || given(req) === `sha256=${hmac(unset, req.body)}`);
github('/github/empty-key', (req) => given(req) === `sha256=${hmac(unset ?? '', req.body)}`);
github('/github/undefined-key', (req) => given(req) === `sha256=${hmac(`${unset}`, req.body)}`);
github('/github/placeholder-key', (req) => given(req) === `sha256=${hmac('your-webhook-secret', req.body)}`);
github('/github/prefix', (req) => `sha256=${hmac(secret, req.body)}`.startsWith(given(req) ?? ''));
github('/github/half', (req) => (given(req) ?? '').length >= 39 && `sha256=${hmac(secret, req.body)}`.startsWith(given(req)));
github('/github/any-signature', (req) => /^sha256=[0-9a-f]{64}$/.test(given(req) ?? ''));
github('/github/legacy', (req) =>
  given(req) === `sha256=${hmac(secret, req.body)}` ||
  req.get('x-hub-signature') === `sha1=${hmac(secret, req.body, 'sha1')}`);
github('/github/without-the-body', (req) => seen.has(given(req)) || learn(req));
// A cache of signatures that were right once, whatever body they came with.
const seen = new Set();
function learn(req) {
  const right = given(req) === `sha256=${hmac(secret, req.body)}`;
  if (right) seen.add(given(req));
  return right;
}
app.post('/github/lengths', raw, (req, res) => {
  // timingSafeEqual throws where lengths differ, and nobody catches it.
  const same = crypto.timingSafeEqual(Buffer.from(given(req) ?? ''), Buffer.from(`sha256=${hmac(secret, req.body)}`));
  same ? taken(res) : res.status(401).send('Unauthorized');
});
app.post('/github/always-200', raw, (req, res) =>
  given(req) === `sha256=${hmac(secret, req.body)}` ? taken(res) : res.json({ error: 'invalid signature' }));
let orders = 40;
app.post('/github/twice', raw, (req, res) =>
  given(req) === `sha256=${hmac(secret, req.body)}` ? res.json({ order: (orders += 1) }) : res.status(401).end());

// Stripe's own library, used wrongly.
app.post('/stripe/uncaught', raw, (req, res) => {
  stripe.webhooks.constructEvent(req.body, req.get('stripe-signature'), secret);
  taken(res);
});
const caught = (take) => (req, res) => {
  try {
    take(req);
  } catch (error) {
    return res.status(400).send(`Webhook Error: ${error.message}`);
  }
  taken(res);
};
app.post('/stripe/parsed', express.json(), caught((req) =>
  stripe.webhooks.constructEvent(req.body, req.get('stripe-signature'), secret)));
app.post('/stripe/rewritten', express.json(), caught((req) =>
  stripe.webhooks.constructEvent(JSON.stringify(req.body), req.get('stripe-signature'), secret)));
app.post('/stripe/other-secret', raw, caught((req) =>
  stripe.webhooks.constructEvent(req.body, req.get('stripe-signature'), 'whsec_of_another_endpoint')));
app.post('/stripe/no-tolerance', raw, caught((req) =>
  stripe.webhooks.constructEvent(req.body, req.get('stripe-signature'), secret, Infinity)));
app.post('/stripe/parsed-where-unset', raw, caught((req) => JSON.parse(req.body.toString())));
app.post('/svix/uncaught', raw, (req, res) => {
  new Svix(process.env.SVIX_SECRET).verify(req.body, req.headers);
  taken(res);
});

// Twilio's, behind a proxy that ends TLS, without a token, and with a URL that is written down.
const form = express.urlencoded({ extended: false });
app.post('/twilio/behind-tls', form, twilio.webhook(secret, { protocol: 'https' }), (req, res) => taken(res));
app.post('/twilio/no-token', form, (req, res, next) => {
  delete process.env.TWILIO_AUTH_TOKEN;
  twilio.webhook()(req, res, next);
}, (req, res) => taken(res));
app.post('/twilio/fixed-url', form, (req, res) => {
  const url = `http://127.0.0.1:${port}/twilio/fixed-url`;
  twilio.validateRequest(secret, req.get('x-twilio-signature') ?? '', url, req.body) ? taken(res) : res.status(403).end();
});

// Slack's, and Discord's with the answer to a ping before the signature is looked at.
const slack = new bolt.ExpressReceiver({
  signingSecret: secret, endpoints: '/slack/enforced', app, logLevel: 'error', unhandledRequestTimeoutMillis: 50,
});
new bolt.App({ receiver: slack, token: 'xoxb-none', tokenVerificationEnabled: false, logLevel: 'error' });
app.post('/slack/no-time', raw, (req, res) => {
  const time = req.get('x-slack-request-timestamp');
  const wanted = `v0=${hmac(secret, `v0:${time}:${req.body}`)}`;
  req.get('x-slack-signature') === wanted ? res.send('') : res.status(401).end();
});
app.post('/discord/other-key', raw, async (req, res) => {
  const ok = await verifyKey(req.body, req.get('x-signature-ed25519') ?? '', req.get('x-signature-timestamp') ?? '', '00'.repeat(32));
  ok ? res.json({ type: 1 }) : res.status(401).send('invalid request signature');
});

// Secrets that are sent as they are, compared with what nobody set.
app.post('/vapi/unset', raw, (req, res) => (req.get('x-vapi-secret') === unset ? taken(res) : res.status(401).end()));
app.get('/cron/enforced', (req, res) =>
  req.get('authorization') === `Bearer ${secret}` ? taken(res) : res.status(401).send('Unauthorized'));
app.get('/cron/unset', (req, res) =>
  req.get('authorization') === `Bearer ${unset}` ? taken(res) : res.status(401).send('Unauthorized'));

// Handshakes that answer anybody.
app.post('/zoom/oracle', raw, (req, res) => {
  const body = JSON.parse(req.body.toString());
  if (body.event === 'endpoint.url_validation') {
    const { plainToken } = body.payload;
    return res.json({ plainToken, encryptedToken: hmac(secret, plainToken) });
  }
  const wanted = `v0=${hmac(secret, `v0:${req.get('x-zm-request-timestamp')}:${req.body}`)}`;
  req.get('x-zm-signature') === wanted ? taken(res) : res.status(401).end();
});
app.get('/meta/open', (req, res) => res.send(req.query['hub.challenge']));
app.post('/meta/open', raw, (req, res) =>
  given(req) === `sha256=${hmac(secret, req.body)}` ? taken(res) : res.status(401).end());

// What answers in the place of an endpoint.
app.use('/everything', (req, res) => res.send('<!doctype html><title>Shop</title>'));
app.use('/failing', (req, res) => res.status(500).send('oops'));
app.use('/login', (req, res) => res.redirect(302, '/sign-in?next=hook'));
app.use('/walled', (req, res) =>
  res.status(403).send('<title>Attention Required! | Cloudflare</title><p>Sorry, you have been blocked</p>'));
app.use('/cached', (req, res) => res.set('Age', '40').set('X-Cache', 'HIT').json({ received: true }));
app.use('/locked', (req, res) => res.status(401).send('who are you'));
app.use('/limited', (req, res) => res.status(429).set('Retry-After', '60').send('slow down'));
// The first request of each round is taken, and no other one.
let round = 0;
app.post('/changing/hook', raw, (req, res) => {
  round += 1;
  round % 2 === 1 ? taken(res) : res.status(401).send('Unauthorized');
});
// A clock that is ten minutes off.
app.post('/skewed/stripe', raw, (req, res) => {
  const ahead = 600;
  res.set('Date', new Date(Date.now() + ahead * 1000).toUTCString());
  const signature = req.get('stripe-signature');
  try {
    stripe.webhooks.constructEvent(req.body, signature, secret, 300, undefined, Date.now() + ahead * 1000);
  } catch (error) {
    return res.status(400).send(`Webhook Error: ${error.message}`);
  }
  taken(res);
});
app.use('/skewed', (req, res) => {
  res.set('Date', new Date(Date.now() + 600 * 1000).toUTCString());
  res.status(404).send('nothing');
});

http.createServer(app).listen(port, '127.0.0.1');
