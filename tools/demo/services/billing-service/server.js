// Payments, and what sessions have used. The "provider" that moves the money is a function of the way of paying.
'use strict';
const express = require('express');
const Redis = require('ioredis');
const { Pool } = require('pg');

const db = new Pool({ connectionString: process.env.DATABASE_URL, max: 5 });
const redis = new Redis(process.env.REDIS_URL);
const app = express();
const currencies = ['CNY', 'EUR', 'USD'];
const outcomes = {
  card: { code: 201, status: 'paid' },
  wallet: { code: 201, status: 'paid' },
  direct_debit: { code: 201, status: 'failed' }, // taken, and bounced at once
  stolen_card: { code: 402, status: 'declined' },
  bank_transfer: { code: 504, status: 'timeout' },
};

async function isUser(id) {
  const answer = await fetch(`${process.env.USER_SERVICE_URL}/api/users/${id}`);
  await answer.arrayBuffer();
  return answer.ok;
}

app.use(express.json());
app.get('/health', (request, response) => response.json({ status: 'ok' }));

app.post('/payments', async (request, response) => {
  const { user_id, amount_cents, currency, method } = request.body;
  const outcome = outcomes[method];
  if (!outcome || !currencies.includes(currency) || !(amount_cents > 0)) return response.status(400).json({ error: 'invalid_payment' });
  if (!(await isUser(user_id))) return response.status(422).json({ error: 'no_such_user' });
  const { rows } = await db.query(
    'INSERT INTO payments (user_id, amount_cents, currency, status) VALUES ($1, $2, $3, $4) RETURNING id',
    [user_id, amount_cents, currency, outcome.status]);
  if (outcome.status === 'paid') await redis.hincrby('revenue', currency, amount_cents);
  if (outcome.code >= 400) return response.status(outcome.code).json({ error: outcome.status });
  response.status(outcome.code).json({ id: Number(rows[0].id), status: outcome.status, amount_cents, currency });
});

app.post('/usage', async (request, response) => {
  const { session_id, user_id, seconds } = request.body;
  await db.query('INSERT INTO usage (session_id, user_id, seconds) VALUES ($1, $2, $3)', [session_id, user_id, seconds]);
  response.status(201).json({ session_id, seconds });
});

// Adds all payments up again for each day: what it costs, the database pays.
app.get('/revenue', async (request, response) => {
  const { rows } = await db.query(`
    SELECT day::date, currency, sum(amount_cents) AS amount_cents
    FROM generate_series(now() - interval '30 days', now(), '1 day') AS day
    JOIN payments ON status = 'paid' AND created_at < day + interval '1 day'
    GROUP BY day, currency ORDER BY day, currency`);
  response.json({ days: rows });
});

app.listen(Number(process.env.PORT), process.env.HOST);
