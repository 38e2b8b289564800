// Instances of an application behind a proxy, each on a port of its own: two that count apart, and
// two that count in one Redis. 12 requests in 4 seconds.
import express from "express";
import { rateLimit } from "express-rate-limit-8";
import { Ratelimit } from "@upstash/ratelimit";
import { limited, upstash } from "./redis.mjs";
import { serve } from "./serve.mjs";

function app(limiter) {
  const made = express();
  made.set("trust proxy", 1);
  made.use(limiter);
  made.get("/api", (_, response) => response.json({ ok: true }));
  return made;
}

const apart = () =>
  app(
    rateLimit({ windowMs: 4000, limit: 12, standardHeaders: "draft-7", legacyHeaders: false }),
  );
// Each has a limiter of its own, as in processes of their own.
const together = () => app(limited(upstash(Ratelimit.fixedWindow(12, "4 s"), "together")));

await serve({
  apart_first: apart,
  apart_second: apart,
  together_first: together,
  together_second: together,
});
