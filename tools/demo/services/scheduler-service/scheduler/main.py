"""Sessions: gives a user a phone for a while, takes it back, and tells billing how long that was."""
import os
from contextlib import asynccontextmanager

import asyncpg
import httpx
import redis.asyncio
from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import JSONResponse
from pydantic import BaseModel

DEVICES = os.environ["DEVICE_SERVICE_URL"]
BILLING = os.environ["BILLING_SERVICE_URL"]


class SessionRequest(BaseModel):
    model: str = "phone"


@asynccontextmanager
async def resources(app):
    app.db = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=0, max_size=5)
    app.redis = redis.asyncio.from_url(os.environ["REDIS_URL"])
    app.http = httpx.AsyncClient(limits=httpx.Limits(keepalive_expiry=3))
    yield
    await app.http.aclose()
    await app.redis.aclose()
    await app.db.close()


app = FastAPI(lifespan=resources)


@app.exception_handler(HTTPException)
async def plain_error(request, error):
    return JSONResponse({"error": error.detail}, error.status_code)


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.post("/sessions", status_code=201)
async def start(wanted: SessionRequest, x_user_id: int = Header()):
    session = await app.db.fetchval("SELECT nextval('sessions_id_seq')")
    answer = await app.http.post(f"{DEVICES}/devices/allocate", json={"model": wanted.model, "session_id": session})
    if answer.status_code == 409:
        raise HTTPException(409, "no_device")
    answer.raise_for_status()
    device = int(answer.json()["id"])
    await app.db.execute("INSERT INTO sessions (id, user_id, device_id) VALUES ($1, $2, $3)", session, x_user_id, device)
    await app.redis.sadd("sessions:active", session)
    return {"id": session, "device_id": device, "signal_url": f"{os.environ['SIGNAL_URL']}/signal?session={session}"}


@app.get("/sessions/active")
async def active():
    return {"active": await app.redis.scard("sessions:active")}


@app.get("/sessions/{session}")
async def show(session: int):
    row = await app.db.fetchrow("SELECT id, user_id, device_id, started_at, ended_at FROM sessions WHERE id = $1", session)
    if not row:
        raise HTTPException(404, "no_such_session")
    return dict(row)


@app.delete("/sessions/{session}")
async def end(session: int):
    row = await app.db.fetchrow(
        "UPDATE sessions SET ended_at = now() WHERE id = $1 AND ended_at IS NULL"
        " RETURNING user_id, device_id, extract(epoch FROM now() - started_at)::float AS seconds", session)
    if not row:
        raise HTTPException(404, "no_such_session")
    await app.redis.srem("sessions:active", session)
    (await app.http.post(f"{DEVICES}/devices/{row['device_id']}/release")).raise_for_status()
    usage = {"session_id": session, "user_id": row["user_id"], "seconds": row["seconds"]}
    (await app.http.post(f"{BILLING}/usage", json=usage)).raise_for_status()
    return {"id": session, "seconds": row["seconds"]}
