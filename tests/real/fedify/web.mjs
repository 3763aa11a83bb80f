// Node's HTTP on one side, the Web's Request and Response, in which Fedify speaks, on the other.

import { createServer } from "node:http";

/** Serves on a port of loopback: `answer` makes a Response of a Request. */
export function serve(host, port, answer) {
  const server = createServer(async (incoming, outgoing) => {
    const response = await answer(await requestOf(incoming)).catch((error) => new Response(`${error.stack}`, { status: 500 }));
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  });
  server.listen(port, host);
}

async function requestOf(incoming) {
  const parts = [];
  for await (const part of incoming) parts.push(part);
  const headers = new Headers();
  for (let at = 0; at < incoming.rawHeaders.length; at += 2) headers.append(incoming.rawHeaders[at], incoming.rawHeaders[at + 1]);
  const body = parts.length === 0 ? undefined : Buffer.concat(parts);
  return new Request(`http://${incoming.headers.host}${incoming.url}`, { method: incoming.method, headers, body });
}
