"""aiohttp behind the suite's routes, in TLS. Its service name comes from OTEL_SERVICE_NAME, its port from PORT."""
import asyncio
import os
import ssl

from aiohttp import web

routes = web.RouteTableDef()


@routes.get("/")
async def hello(request):
    return web.Response(text="hello")


@routes.get("/items/{number}")
async def item(request):
    return web.json_response({"id": request.match_info["number"]})


@routes.post("/orders")
async def create_order(request):
    order = await request.json()
    return web.json_response({"id": 7, "item": order.get("item")}, status=201)


@routes.get("/fail")
async def fail(request):
    return web.Response(status=500, text="failed")


@routes.get("/big")
async def big(request):
    return web.Response(text="x" * int(request.query.get("bytes", 65536)))


@routes.get("/sleep")
async def sleep(request):
    await asyncio.sleep(int(request.query.get("ms", 10)) / 1000)
    return web.Response(text="slept")


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["CERTIFICATE"])
    app = web.Application()
    app.add_routes(routes)
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), ssl_context=context, access_log=None, keepalive_timeout=3600,
                print=None)


if __name__ == "__main__":
    main()
