"""FastAPI behind the suite's routes, run by uvicorn on uvloop and httptools, or by hypercorn. Its service name comes from OTEL_SERVICE_NAME."""
import asyncio
import time

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse

app = FastAPI()


@app.get("/")
async def hello():
    return PlainTextResponse("hello")


@app.get("/items/{number}")
async def item(number: str):
    return {"id": number}


@app.post("/orders")
async def create_order(request: Request):
    order = await request.json()
    return JSONResponse({"id": 7, "item": order.get("item")}, 201)


@app.get("/fail")
async def fail():
    return PlainTextResponse("failed", 500)


@app.get("/big")
async def big(bytes: int = 65536):
    return PlainTextResponse("x" * bytes)


@app.get("/chunked")
async def chunked():
    return StreamingResponse(iter([f"part {i}\n" for i in range(6)]))


async def numbered(n, ms):
    for i in range(n):
        await asyncio.sleep(ms / 1000 if i else 0)
        yield f"data: {i}\n\n"


@app.get("/events")
async def events(n: int = 5, ms: int = 10):
    return StreamingResponse(numbered(n, ms), media_type="text/event-stream")


@app.post("/upload")
async def upload(request: Request):
    length = 0
    async for part in request.stream():
        length += len(part)
    return PlainTextResponse(str(length))


@app.get("/sleep")
async def sleep(ms: int = 10):
    await asyncio.sleep(ms / 1000)
    return PlainTextResponse("slept")


@app.get("/spin")
async def spin(ms: int = 10):
    end = time.monotonic() + ms / 1000
    while time.monotonic() < end:
        pass
    return PlainTextResponse("spun")
