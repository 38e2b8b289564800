// Route handlers of Next.js as they run in production, each below a path of its own.
import http from "node:http";
import next from "next";

const port = Number(process.env.PORT);
process.env.NEXT_TELEMETRY_DISABLED = "1";
const app = next({ dev: false, dir: import.meta.dirname, hostname: "127.0.0.1", port });
await app.prepare();
const handle = app.getRequestHandler();

// How many requests each variant got, which /counts tells.
const counts = {};
http
  .createServer((request, response) => {
    const [name] = request.url.split("?")[0].split("/").filter(Boolean);
    if (name === "counts") {
      response.end(JSON.stringify(counts));
      return;
    }
    counts[name] = (counts[name] ?? 0) + 1;
    handle(request, response);
  })
  .listen(port, "127.0.0.1");
