// Accounts and logins. Three wrong passwords lock an account for a quarter of an hour.
'use strict';
const crypto = require('crypto');
const express = require('express');
const jwt = require('jsonwebtoken');
const Redis = require('ioredis');
const { Pool } = require('pg');
const { promisify } = require('util');

const scrypt = promisify(crypto.scrypt);
const db = new Pool({ connectionString: process.env.DATABASE_URL, max: 5 });
const redis = new Redis(process.env.REDIS_URL);
const app = express();
const attemptsAllowed = 3;
const lockSeconds = 900;

async function hash(password, salt) {
  return (await scrypt(password, salt, 32, { N: 1024 })).toString('hex');
}

app.use(express.json());
app.get('/health', (request, response) => response.json({ status: 'ok' }));

app.post('/api/users', async (request, response) => {
  const { email, name, password } = request.body;
  if (!email || !password) return response.status(400).json({ error: 'incomplete' });
  const salt = crypto.randomBytes(16).toString('hex');
  const { rows } = await db.query(
    'INSERT INTO users (email, name, salt, password) VALUES ($1, $2, $3, $4) ON CONFLICT (email) DO NOTHING RETURNING id',
    [email, name, salt, await hash(password, salt)]);
  if (!rows.length) return response.status(409).json({ error: 'email_taken' });
  response.status(201).json({ id: Number(rows[0].id), email, name });
});

app.post('/api/auth/login', async (request, response) => {
  const { email, password } = request.body;
  const attempts = `login_failures:${email}`;
  if (Number(await redis.get(attempts)) >= attemptsAllowed) return response.status(403).json({ error: 'locked' });
  const { rows } = await db.query('SELECT id, salt, password FROM users WHERE email = $1', [email]);
  if (!rows.length || (await hash(password, rows[0].salt)) !== rows[0].password) {
    await redis.multi().incr(attempts).expire(attempts, lockSeconds).exec();
    return response.status(401).json({ error: rows.length ? 'bad_password' : 'unknown_user' });
  }
  await redis.multi().del(attempts).sadd('users:online', rows[0].id).exec();
  const token = jwt.sign({}, process.env.JWT_SECRET, { subject: String(rows[0].id), expiresIn: '4h' });
  response.json({ token, user: { id: Number(rows[0].id) } });
});

app.post('/api/auth/logout', async (request, response) => {
  await redis.srem('users:online', request.get('x-user-id'));
  response.status(204).end();
});

app.get('/api/users/:id', async (request, response) => {
  const { rows } = await db.query('SELECT id, email, name, created_at FROM users WHERE id = $1', [request.params.id]);
  if (!rows.length) return response.status(404).json({ error: 'no_such_user' });
  response.json({ ...rows[0], id: Number(rows[0].id) });
});

app.listen(Number(process.env.PORT), process.env.HOST);
