"""What others make of the frames that we write."""

from __future__ import annotations

from websockets.frames import Frame
from websockets.http11 import Request
from websockets.server import ServerProtocol


def read_by_server(data: bytes) -> list[Frame]:
    """Return the frames that the server's side of ``websockets`` makes of it."""
    server = ServerProtocol(max_size=None)
    server.receive_data(
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    [request] = server.events_received()
    assert isinstance(request, Request)
    server.send_response(server.accept(request))
    server.receive_data(data)
    return [event for event in server.events_received() if isinstance(event, Frame)]
