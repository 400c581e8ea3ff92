"""Echoes on any path, and greets first. TLS where CERTIFICATE and KEY name files."""
import asyncio
import os
import ssl

import websockets


async def serve(session):
    await session.send("welcome")
    async for message in session:
        await session.send(message)


async def main():
    context = None
    if os.environ.get("CERTIFICATE"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.environ["CERTIFICATE"], os.environ["KEY"])
    async with websockets.serve(serve, "127.0.0.1", int(os.environ["PORT"]), ssl=context, max_size=1 << 22):
        await asyncio.Future()


asyncio.run(main())
