// The catalogue of apps, and installing them on phones.
'use strict';
const fastify = require('fastify');
const Redis = require('ioredis');
const { Pool } = require('pg');

const db = new Pool({ connectionString: process.env.DATABASE_URL, max: 5 });
const redis = new Redis(process.env.REDIS_URL);
const app = fastify();
const catalogueSeconds = 30;

async function catalogue() {
  const cached = await redis.get('apps:catalogue');
  if (cached) return JSON.parse(cached);
  const { rows } = await db.query('SELECT id, name, category, description FROM apps ORDER BY id');
  await redis.set('apps:catalogue', JSON.stringify(rows), 'EX', catalogueSeconds);
  return rows;
}

// How many letters have to change to make one word of the other.
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}

function nearest(words, wanted) {
  return Math.min(...words.split(' ').map((word) => distance(word, wanted)));
}

app.get('/health', async () => ({ status: 'ok' }));

app.get('/apps', async () => {
  const apps = await catalogue();
  return { apps: apps.map(({ id, name, category }) => ({ id, name, category })) };
});

// All the catalogue, letter by letter, on the event loop: what comes meanwhile waits in its socket.
app.get('/apps/search', async (request) => {
  const wanted = String(request.query.q || '').toLowerCase();
  const ranked = (await catalogue()).map((each) => ({ ...each, score: nearest(each.description, wanted) }));
  return { apps: ranked.sort((a, b) => a.score - b.score).slice(0, 10).map(({ id, name, score }) => ({ id, name, score })) };
});

app.post('/apps/:id/install', async (request, reply) => {
  const device = await fetch(`${process.env.DEVICE_SERVICE_URL}/devices/${request.body.device_id}`).then((r) => r.json());
  if (device.status !== 'online') return reply.code(409).send({ error: 'device_offline' });
  await db.query('INSERT INTO installs (app_id, device_id) VALUES ($1, $2)', [request.params.id, device.id]);
  return reply.code(201).send({ app_id: Number(request.params.id), device_id: Number(device.id) });
});

app.listen({ port: Number(process.env.PORT), host: process.env.HOST });
