"""Flask behind the suite's routes, run by gunicorn with four workers. Its service name comes from OTEL_SERVICE_NAME."""
import time

from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.get("/")
def hello():
    return "hello"


@app.get("/items/<number>")
def item(number):
    return jsonify(id=number)


@app.post("/orders")
def create_order():
    return jsonify(id=7, item=request.get_json().get("item")), 201


@app.get("/fail")
def fail():
    return "failed", 500


@app.get("/big")
def big():
    return "x" * request.args.get("bytes", 65536, int)


@app.get("/chunked")
def chunked():
    return Response(f"part {i}\n" for i in range(6))


@app.get("/sleep")
def sleep():
    time.sleep(request.args.get("ms", 10, int) / 1000)
    return "slept"


@app.get("/spin")
def spin():
    end = time.monotonic() + request.args.get("ms", 10, int) / 1000
    while time.monotonic() < end:
        pass
    return "spun"
