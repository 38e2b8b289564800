import { Ratelimit } from "@upstash/ratelimit";
import Redis from "ioredis";

const redis = new Redis({ host: "127.0.0.1", port: Number(process.env.REDIS) });

/**
 * What the library asks of its own client, which speaks HTTP to Upstash. Its scripts begin with a
 * flag that only Upstash's server knows; without that line they have another hash, so that Redis
 * answers each `evalsha` that it has no such script, and the library sends the script.
 */
const client = {
  evalsha: (hash, keys, values) => redis.evalsha(hash, keys.length, ...keys, ...values),
  eval: (script, keys, values) =>
    redis.eval(script.replace(/^#!lua.*\n/, "\n"), keys.length, ...keys, ...values),
};

/** @upstash/ratelimit in the Redis at the port REDIS, where nobody else uses this prefix. */
export function upstash(limiter, prefix, options) {
  // The servers of both modes share the Redis.
  return new Ratelimit({ redis: client, limiter, prefix: `${prefix}-${process.pid}`, ...options });
}

/** The middleware that the library's documentation shows. */
export function limited(ratelimit) {
  return async (request, response, next) => {
    const { success, limit, remaining, reset } = await ratelimit.limit(request.ip);
    response.set("X-RateLimit-Limit", String(limit));
    response.set("X-RateLimit-Remaining", String(remaining));
    response.set("X-RateLimit-Reset", String(reset));
    if (success) next();
    else response.status(429).send("Too many requests");
  };
}
