// Express behind the suite's routes. Its service name comes from OTEL_SERVICE_NAME, which wins over package.json.
// With a CERTIFICATE (a file with a key, too) in the environment it stands behind https.
'use strict';
const express = require('express');
const fs = require('fs');
const https = require('https');
const app = express();

app.get('/', (request, response) => response.send('hello'));
app.get('/items/:id', (request, response) => response.json({ id: request.params.id }));
app.post('/orders', express.json(), (request, response) => response.status(201).json({ id: 7, item: request.body.item }));
app.get('/fail', (request, response) => response.status(500).send('failed'));
app.get('/big', (request, response) => response.send('x'.repeat(Number(request.query.bytes || 65536))));
app.get('/chunked', (request, response) => {
  for (let i = 0; i < 5; i++) response.write(`part ${i}\n`);
  response.end('last\n');
});
app.get('/sleep', (request, response) => setTimeout(() => response.send('slept'), Number(request.query.ms || 10)));
app.get('/spin', (request, response) => {
  const end = process.hrtime.bigint() + BigInt(Number(request.query.ms || 10)) * 1000000n;
  while (process.hrtime.bigint() < end);
  response.send('spun');
});

function secured(file) {
  const both = fs.readFileSync(file);
  return https.createServer({ key: both, cert: both }, app);
}

const listener = process.env.CERTIFICATE ? secured(process.env.CERTIFICATE) : app;
const server = listener.listen(Number(process.env.PORT), process.env.HOST || '127.0.0.1');
server.keepAliveTimeout = 0;
