import http from "node:http";

/**
 * Serves each of the limiters, which functions make, at a port of its own. PORTS names them in this
 * order; the last port is that of GET /, which tells how many requests each limiter was asked.
 */
export async function serve(limiters) {
  const ports = process.env.PORTS.split(",").map(Number);
  const asked = {};
  await Promise.all(
    Object.entries(limiters).map(async ([name, make], index) => {
      const handler = await make();
      asked[name] = 0;
      const server = http.createServer((request, response) => {
        asked[name] += 1;
        handler(request, response);
      });
      await new Promise((listening) => server.listen(ports[index], "0.0.0.0", listening));
    }),
  );
  http
    .createServer((_, response) => response.end(JSON.stringify(asked)))
    .listen(ports.at(-1), "127.0.0.1");
}
