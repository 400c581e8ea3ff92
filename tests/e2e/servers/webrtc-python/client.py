"""client.py SESSIONS SECONDS: opens so many sessions of WebRTC at a time with whoever answers at ws://HOST:PORT/, keeps
them for so long once each is connected or has failed, ends them, and prints what became of them as JSON.
CANDIDATES=loopback for peers that have no other address."""
import asyncio
import json
import os
import sys

import aioice.ice
import websockets
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

if os.environ.get("CANDIDATES") == "loopback":
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


async def call(url):
    session = await websockets.connect(url)
    peer, outcome = RTCPeerConnection(RTCConfiguration(iceServers=[])), asyncio.get_running_loop().create_future()

    def settle(text):
        if not outcome.done():
            outcome.set_result(text)

    channel = peer.createDataChannel("e2e")
    channel.on("open", lambda: channel.send("hello"))
    channel.on("message", lambda message: settle("connected"))
    peer.on("iceconnectionstatechange",
            lambda: settle("failed") if peer.iceConnectionState in ("failed", "closed") else None)
    await peer.setLocalDescription(await peer.createOffer())
    await session.send(json.dumps({"type": "offer", "sdp": peer.localDescription.sdp}))
    await peer.setRemoteDescription(RTCSessionDescription(**json.loads(await session.recv())))
    return session, peer, await outcome


async def main(sessions, seconds):
    url = f"ws://{os.environ.get('HOST', '127.0.0.1')}:{os.environ['PORT']}/"
    calls = await asyncio.gather(*(call(url) for _ in range(sessions)))
    await asyncio.sleep(seconds)
    outcomes = {"connected": 0, "failed": 0}
    for session, peer, outcome in calls:
        outcomes[outcome] += 1
        await peer.close()
        await session.close()
    print(json.dumps(outcomes))


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
