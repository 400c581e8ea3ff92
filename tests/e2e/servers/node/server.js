// Node's bare http module behind the suite's routes. Its service name is the `name` of the package.json beside it.
'use strict';
const fs = require('fs');
const http = require('http');

// How long this thread has been runnable without a CPU, by the kernel's own account.
function runDelay() {
  return BigInt(fs.readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]);
}

// Computes for ms by the clock and says what that came to: who spins is on a CPU or waits for one.
function spin(ms) {
  const delay = runDelay();
  const begun = process.hrtime.bigint();
  const end = begun + BigInt(Math.round(ms * 1e6));
  while (process.hrtime.bigint() < end);
  const wall = Number(process.hrtime.bigint() - begun);
  const runQueue = Number(runDelay() - delay);
  return JSON.stringify({ wall, cpu: wall - runQueue, run_queue: runQueue });
}

function answer(response, status, body) {
  response.writeHead(status, { 'Content-Type': 'text/plain', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

function createOrder(request, response) {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const order = JSON.parse(Buffer.concat(parts).toString() || '{}');
    answer(response, 201, JSON.stringify({ id: 7, item: order.item }));
  });
}

function chunked(response) {
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  for (let i = 0; i < 5; i++) response.write(`part ${i}\n`);
  response.end('last\n');
}

// Keeps some MB of small objects, then says what the runtime says of itself.
const kept = [];
function runtime(response, megabytes) {
  for (let i = 0; i < megabytes * 16384; i++) kept.push({ a: i, b: [i, i] });
  const memory = process.memoryUsage();
  answer(response, 200, JSON.stringify({ total: memory.heapTotal, used: memory.heapUsed, version: process.versions.node,
                                         handles: process._getActiveHandles().length }));
}

const routes = {
  '/runtime': (request, response, query) => runtime(response, Number(query.get('keep') || 0)),
  '/fail': (request, response) => answer(response, 500, 'failed'),
  '/big': (request, response, query) => answer(response, 200, 'x'.repeat(Number(query.get('bytes') || 65536))),
  '/chunked': (request, response) => chunked(response),
  '/sleep': (request, response, query) => setTimeout(() => answer(response, 200, 'slept'), Number(query.get('ms') || 10)),
  '/spin': (request, response, query) => answer(response, 200, spin(Number(query.get('ms') || 10))),
  '/orders': createOrder,
  '/': (request, response) => answer(response, 200, 'hello'),
};

const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  if (routes[url.pathname]) return routes[url.pathname](request, response, url.searchParams);
  if (url.pathname.startsWith('/items/')) return answer(response, 200, `item ${url.pathname.slice(7)}`);
  request.resume();
  return answer(response, 404, 'nothing here');
});
server.keepAliveTimeout = 0;
server.listen(Number(process.env.PORT), process.env.HOST || '127.0.0.1');
