// Fastify behind the suite's routes. Its service name is the `name` of the package.json beside it.
'use strict';
const { Readable } = require('stream');
const fastify = require('fastify')({ keepAliveTimeout: 0 });

function* parts() {
  for (let i = 0; i < 5; i++) yield `part ${i}\n`;
  yield 'last\n';
}

fastify.get('/', async () => 'hello');
fastify.get('/items/:id', async (request) => ({ id: request.params.id }));
fastify.post('/orders', async (request, reply) => { reply.code(201); return { id: 7, item: request.body.item }; });
fastify.get('/fail', async (request, reply) => { reply.code(500); return 'failed'; });
fastify.get('/big', async (request) => 'x'.repeat(Number(request.query.bytes || 65536)));
fastify.get('/chunked', async (request, reply) => reply.send(Readable.from(parts())));
fastify.get('/sleep', async (request) => {
  await new Promise((wake) => setTimeout(wake, Number(request.query.ms || 10)));
  return 'slept';
});
fastify.get('/spin', async (request) => {
  const end = process.hrtime.bigint() + BigInt(Number(request.query.ms || 10)) * 1000000n;
  while (process.hrtime.bigint() < end);
  return 'spun';
});

fastify.listen({ port: Number(process.env.PORT), host: process.env.HOST || '127.0.0.1' });
