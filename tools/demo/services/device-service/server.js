// The phones: which there are, who has which, and their switches.
'use strict';
const fastify = require('fastify');
const Redis = require('ioredis');
const { Pool } = require('pg');

const db = new Pool({ connectionString: process.env.DATABASE_URL, max: 5 });
const redis = new Redis(process.env.REDIS_URL);
const app = fastify();
const statusAfter = { start: 'online', stop: 'offline', restart: 'online' };

app.get('/health', async () => ({ status: 'ok' }));

app.get('/devices', async () => {
  const { rows } = await db.query('SELECT id, model, status, session_id FROM devices ORDER BY id');
  return { devices: rows };
});

app.get('/devices/stats', async () => {
  const { rows } = await db.query(`
    SELECT count(*) AS total,
           count(*) FILTER (WHERE status = 'online') AS online,
           count(*) FILTER (WHERE status = 'offline') AS offline,
           count(*) FILTER (WHERE status = 'online' AND session_id IS NULL) AS available
    FROM devices`);
  return Object.fromEntries(Object.entries(rows[0]).map(([name, text]) => [name, Number(text)]));
});

app.get('/devices/:id', async (request, reply) => {
  const { rows } = await db.query('SELECT id, model, status, session_id FROM devices WHERE id = $1', [request.params.id]);
  return rows[0] || reply.code(404).send({ error: 'no_such_device' });
});

app.post('/devices/allocate', async (request, reply) => {
  const { model, session_id } = request.body;
  const { rows } = await db.query(`
    UPDATE devices SET session_id = $2 WHERE id = (
      SELECT id FROM devices WHERE model = $1 AND status = 'online' AND session_id IS NULL
      ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, model`, [model, session_id]);
  if (!rows.length) return reply.code(409).send({ error: 'none_available' });
  await redis.incr('devices:allocated');
  return rows[0];
});

app.post('/devices/:id/release', async (request, reply) => {
  await db.query("UPDATE devices SET session_id = NULL, status = 'online' WHERE id = $1", [request.params.id]);
  await redis.decr('devices:allocated');
  return reply.code(204).send();
});

app.post('/devices/:id/:operation', async (request, reply) => {
  const { id, operation } = request.params;
  if (!statusAfter[operation]) return reply.code(404).send({ error: 'no_such_operation' });
  await db.query('UPDATE devices SET status = $2 WHERE id = $1', [id, statusAfter[operation]]);
  await redis.publish('device-operations', JSON.stringify({ id: Number(id), operation }));
  return reply.code(202).send({ id: Number(id), operation, status: statusAfter[operation] });
});

app.listen({ port: Number(process.env.PORT), host: process.env.HOST });
