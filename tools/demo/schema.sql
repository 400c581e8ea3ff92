-- The platform's tables, and what is there before anybody comes. Each statement ends with an empty line (see stores).

CREATE TABLE users (id bigserial PRIMARY KEY, email text UNIQUE NOT NULL, name text, salt text NOT NULL, password text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now());

CREATE TABLE devices (id bigserial PRIMARY KEY, model text NOT NULL, status text NOT NULL DEFAULT 'online', session_id bigint);

CREATE TABLE apps (id bigserial PRIMARY KEY, name text NOT NULL, category text NOT NULL, description text NOT NULL);

CREATE TABLE installs (app_id bigint NOT NULL, device_id bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now());

CREATE TABLE sessions (id bigserial PRIMARY KEY, user_id bigint NOT NULL, device_id bigint, started_at timestamptz NOT NULL DEFAULT now(),
	ended_at timestamptz);

CREATE TABLE payments (id bigserial PRIMARY KEY, user_id bigint NOT NULL, amount_cents bigint NOT NULL, currency text NOT NULL,
	status text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());

CREATE TABLE usage (session_id bigint NOT NULL, user_id bigint NOT NULL, seconds double precision NOT NULL);

INSERT INTO devices (model) SELECT 'phone' FROM generate_series(1, 24);

INSERT INTO devices (model, status) SELECT 'tablet', 'offline' FROM generate_series(1, 2);

INSERT INTO apps (name, category, description)
	SELECT 'app ' || i, (ARRAY['games', 'music', 'office'])[1 + i % 3], string_agg(substr(md5(i || '-' || j), 1, 8), ' ')
	FROM generate_series(1, 200) i, generate_series(1, 100) j GROUP BY i ORDER BY i;

INSERT INTO payments (user_id, amount_cents, currency, status, created_at)
	SELECT 0, 100 + i % 900, (ARRAY['CNY', 'EUR', 'USD'])[1 + i % 3], 'paid', now() - i * interval '15 minutes'
	FROM generate_series(1, 3000) i;
