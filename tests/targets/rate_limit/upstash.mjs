// @upstash/ratelimit by each of its algorithms, each on a port of its own: 12 requests in 4 seconds.
import express from "express";
import { Ratelimit } from "@upstash/ratelimit";
import { limited, upstash } from "./redis.mjs";
import { serve } from "./serve.mjs";

function app(limiter, prefix, options) {
  const made = express();
  made.use(limited(upstash(limiter, prefix, options)));
  made.get("/api", (_, response) => response.json({ ok: true }));
  return made;
}

await serve({
  fixed: () => app(Ratelimit.fixedWindow(12, "4 s"), "fixed"),
  sliding: () => app(Ratelimit.slidingWindow(12, "4 s"), "sliding"),
  // Where functions live for one request, nothing keeps what it refused.
  sliding_forgetful: () =>
    app(Ratelimit.slidingWindow(12, "4 s"), "forgetful", { ephemeralCache: false }),
  bucket: () => app(Ratelimit.tokenBucket(1, "333 ms", 12), "bucket"),
  // Three tokens come back at once.
  bucket_of_three: () => app(Ratelimit.tokenBucket(3, "1 s", 12), "bucket-of-three"),
});
