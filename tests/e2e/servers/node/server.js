// Node's bare http module behind the suite's routes. Its service name is the `name` of the package.json beside it.
// SPEAK in the environment is http, https, h2 or h2c; for TLS, CERTIFICATE is a file with a key and its certificate.
'use strict';
const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const https = require('https');

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

// Server-sent events: n of them, ms apart. The first leaves at once.
function events(response, n, ms) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  let sent = 0;
  const next = () => {
    response.write(`data: ${sent}\n\n`);
    if (++sent < n) return setTimeout(next, ms);
    return response.end();
  };
  next();
}

function trailers(response) {
  response.writeHead(200, { 'Content-Type': 'text/plain', Trailer: 'checked' });
  response.write('body before trailers\n');
  response.addTrailers({ checked: 'yes' });
  response.end();
}

// Answers once all of the request's body is here, with its length.
function upload(request, response) {
  let length = 0;
  request.on('data', (part) => { length += part.length; });
  request.on('end', () => answer(response, 200, String(length)));
}

// Keeps some MB of small objects, then says what the runtime says of itself.
const kept = [];
function runtime(response, megabytes) {
  for (let i = 0; i < megabytes * 16384; i++) kept.push({ a: i, b: [i, i] });
  const memory = process.memoryUsage();
  answer(response, 200, JSON.stringify({ total: memory.heapTotal, used: memory.heapUsed, version: process.versions.node,
                                         handles: process._getActiveHandles().length }));
}

// Since the last call: the lateness of a timer of 10 ms, and the longest stretch that a handler kept the loop, in ms.
let delays;
let longest = 0;
function tellDelays(response) {
  if (!delays) {
    delays = require('perf_hooks').monitorEventLoopDelay({ resolution: 10 });
    delays.enable();
  }
  const late = (percentile) => Math.max(0, delays.percentile(percentile) / 1e6 - 10);
  answer(response, 200, JSON.stringify({ longest, p50: late(50), p90: late(90), p99: late(99) }));
  longest = 0;
  delays.reset();
}

function hold(response, ms) {
  const began = performance.now();
  while (performance.now() - began < ms);
  longest = Math.max(longest, performance.now() - began);
  answer(response, 200, 'held');
}

const routes = {
  '/delays': (request, response) => tellDelays(response),
  '/hold': (request, response, query) => hold(response, Number(query.get('ms'))),
  '/runtime': (request, response, query) => runtime(response, Number(query.get('keep') || 0)),
  '/fail': (request, response) => answer(response, 500, 'failed'),
  '/big': (request, response, query) => answer(response, 200, 'x'.repeat(Number(query.get('bytes') || 65536))),
  '/chunked': (request, response) => chunked(response),
  '/events': (request, response, query) => events(response, Number(query.get('n') || 5), Number(query.get('ms') || 10)),
  '/trailers': (request, response) => trailers(response),
  '/upload': upload,
  '/sleep': (request, response, query) => setTimeout(() => answer(response, 200, 'slept'), Number(query.get('ms') || 10)),
  '/spin': (request, response, query) => answer(response, 200, spin(Number(query.get('ms') || 10))),
  '/orders': createOrder,
  '/': (request, response) => answer(response, 200, 'hello'),
};

function serve(request, response) {
  const url = new URL(request.url, 'http://localhost');
  if (routes[url.pathname]) return routes[url.pathname](request, response, url.searchParams);
  if (url.pathname.startsWith('/items/')) return answer(response, 200, `item ${url.pathname.slice(7)}`);
  request.resume();
  return answer(response, 404, 'nothing here');
}

function certificate() {
  const both = fs.readFileSync(process.env.CERTIFICATE);
  return { key: both, cert: both };
}

const ways = {
  http: () => http.createServer(serve),
  https: () => https.createServer(certificate(), serve),
  h2: () => http2.createSecureServer({ ...certificate(), allowHTTP1: true }, serve),
  h2c: () => http2.createServer(serve),
};
const server = ways[process.env.SPEAK || 'http']();
server.keepAliveTimeout = 0;
server.listen(Number(process.env.PORT), process.env.HOST || '127.0.0.1');
