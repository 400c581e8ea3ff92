// The public door: checks the token, limits how much one caller may ask, and passes the request on.
'use strict';
const express = require('express');
const http = require('http');
const jwt = require('jsonwebtoken');
const Redis = require('ioredis');
const { pipeline } = require('stream');

const redis = new Redis(process.env.REDIS_URL);
const app = express();
const agent = new http.Agent({ keepAlive: true, maxSockets: 64, timeout: 4000 });
const requestsPerMinute = 1000;
const services = {
  '/api/auth': process.env.USER_SERVICE_URL,
  '/api/users': process.env.USER_SERVICE_URL,
  '/devices': process.env.DEVICE_SERVICE_URL,
  '/apps': process.env.APP_SERVICE_URL,
  '/sessions': process.env.SCHEDULER_SERVICE_URL,
  '/payments': process.env.BILLING_SERVICE_URL,
  '/revenue': process.env.BILLING_SERVICE_URL,
};

function needsToken(request) {
  const open = ['POST /api/users', 'POST /api/auth/login', 'GET /health'];
  return !open.includes(`${request.method} ${request.path}`);
}

function authenticate(request, response, next) {
  if (!needsToken(request)) return next();
  const token = (request.get('authorization') || '').replace(/^Bearer /, '');
  try {
    request.user = jwt.verify(token, process.env.JWT_SECRET).sub;
    next();
  } catch {
    response.status(401).json({ error: 'no_valid_token' });
  }
}

async function limit(request, response, next) {
  const key = `rate:${request.user || request.ip}:${Math.floor(Date.now() / 60000)}`;
  const used = await redis.incr(key);
  if (used === 1) await redis.expire(key, 120);
  if (request.user && used > requestsPerMinute) return response.status(429).json({ error: 'too_many_requests' });
  next();
}

function forwardTo(base) {
  return (request, response) => {
    const headers = { ...request.headers, connection: 'keep-alive', 'x-user-id': request.user || '' };
    const outgoing = http.request(base + request.originalUrl, { method: request.method, headers, agent }, (answer) => {
      const { connection, 'keep-alive': keepAlive, ...rest } = answer.headers;
      response.writeHead(answer.statusCode, rest);
      pipeline(answer, response, () => {});
    });
    outgoing.on('error', () => {
      if (response.headersSent) response.destroy();
      else response.status(502).json({ error: 'bad_gateway' });
    });
    request.pipe(outgoing);
  };
}

app.get('/health', (request, response) => response.json({ status: 'ok' }));
app.use(authenticate, limit);
for (const [prefix, url] of Object.entries(services)) app.use(prefix, forwardTo(url));
app.use((request, response) => response.status(404).json({ error: 'not_found' }));
app.listen(Number(process.env.PORT), process.env.HOST);
