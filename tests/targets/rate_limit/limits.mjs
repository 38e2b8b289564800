// Rate limiters as their libraries make them, each on a port of its own: 12 requests in 4 seconds.
import "reflect-metadata";
import express from "express";
import { rateLimit as rateLimit6 } from "express-rate-limit-6";
import { rateLimit as rateLimit7 } from "express-rate-limit-7";
import { rateLimit as rateLimit8 } from "express-rate-limit-8";
import Fastify from "fastify";
import fastifyRateLimit from "@fastify/rate-limit";
import { Controller, Get, Module } from "@nestjs/common";
import { APP_GUARD, NestFactory } from "@nestjs/core";
import { ThrottlerGuard, ThrottlerModule } from "@nestjs/throttler";
import { RateLimiterMemory } from "rate-limiter-flexible";
import { serve } from "./serve.mjs";

const LIMIT = 12;
const WINDOW = 4000;

function app(...handlers) {
  const app = express();
  for (const handler of handlers) app.use(handler);
  app.get("/api", (_, response) => response.json({ ok: true }));
  return app;
}

// What the installed version takes: its own validations would only write to stderr here.
const quiet = { windowMs: WINDOW, limit: LIMIT, max: LIMIT, validate: false };

function trusting(value) {
  const made = express();
  made.set("trust proxy", value);
  made.use(rateLimit8({ ...quiet, standardHeaders: "draft-8", legacyHeaders: false }));
  made.get("/api", (_, response) => response.json({ ok: true }));
  return made;
}

/** A store that is away: with `passOnStoreError` everything is let through. */
class Away {
  init() {}
  async increment() {
    throw new Error("the store is away");
  }
  async decrement() {}
  async resetKey() {}
}

function flexible() {
  const limiter = new RateLimiterMemory({ points: LIMIT, duration: WINDOW / 1000 });
  return app(async (request, response, next) => {
    const write = (seen) => {
      response.set("X-RateLimit-Limit", String(LIMIT));
      response.set("X-RateLimit-Remaining", String(seen.remainingPoints));
      response.set("X-RateLimit-Reset", new Date(Date.now() + seen.msBeforeNext).toISOString());
    };
    try {
      write(await limiter.consume(request.ip));
      next();
    } catch (seen) {
      write(seen);
      response.set("Retry-After", String(seen.msBeforeNext / 1000));
      response.status(429).send("Too Many Requests");
    }
  });
}

async function nest(options) {
  class Api {
    api() {
      return { ok: true };
    }
  }
  Get("api")(Api.prototype, "api", Object.getOwnPropertyDescriptor(Api.prototype, "api"));
  Controller()(Api);
  class App {}
  Module({
    imports: [ThrottlerModule.forRoot([{ ttl: WINDOW, limit: LIMIT, ...options }])],
    controllers: [Api],
    providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
  })(App);
  const made = await NestFactory.create(App, { logger: false });
  await made.init();
  return made.getHttpAdapter().getInstance();
}

async function fastify() {
  const made = Fastify();
  await made.register(fastifyRateLimit, { max: LIMIT, timeWindow: WINDOW });
  made.get("/api", async () => ({ ok: true }));
  await made.ready();
  return (request, response) => made.routing(request, response);
}

/** Two instances with memories of their own, asked in turn. */
function twoInTurn() {
  const instances = [0, 1].map(() =>
    app(rateLimit8({ ...quiet, standardHeaders: "draft-7", legacyHeaders: false })),
  );
  let turn = 0;
  return (request, response) => instances[turn++ % 2](request, response);
}

await serve({
  erl6: async () => app(rateLimit6({ ...quiet, standardHeaders: true, legacyHeaders: true })),
  erl7: async () => app(rateLimit7({ ...quiet, standardHeaders: "draft-7", legacyHeaders: false })),
  erl8: async () => app(rateLimit8({ ...quiet, standardHeaders: "draft-8", legacyHeaders: false })),
  erl8_bare: async () => app(rateLimit8({ ...quiet, standardHeaders: false, legacyHeaders: false })),
  fastify,
  nest: () => nest({}),
  nest_log: () => nest({ blockDuration: 1 }),
  flexible: async () => flexible(),
  trusting: async () => trusting(true),
  not_trusting: async () => trusting(false),
  fails_open: async () =>
    app(rateLimit8({ ...quiet, store: new Away(), passOnStoreError: true, legacyHeaders: true })),
  unknown: async () =>
    app(
      rateLimit8({
        ...quiet,
        standardHeaders: "draft-8",
        legacyHeaders: false,
        keyGenerator: (request) => request.get("x-forwarded-for") ?? "unknown",
      }),
    ),
  two: async () => twoInTurn(),
});
