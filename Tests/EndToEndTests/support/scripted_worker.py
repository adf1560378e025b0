"""A worker of which a test plays every byte: no head is read and nothing is answered unless the test does it."""

import socket
import threading
from collections.abc import Callable

from support.raw_http import RawConnection

Play = Callable[[RawConnection, int], None]


class ScriptedWorker:
    """Listens on a free port; each connection runs `play(connection, number)` on a thread of its own."""

    def __init__(self, play: Play, receive_buffer: int | None = None):
        self.play = play
        self.listener = socket.socket()
        if receive_buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(256)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.connections: list[RawConnection] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "ScriptedWorker":
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()
        for connection in self.connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            accepted.settimeout(30)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = RawConnection.adopting(accepted)
            self.connections.append(connection)
            threading.Thread(target=self._run, args=(connection, len(self.connections) - 1), daemon=True).start()

    def _run(self, connection: RawConnection, number: int) -> None:
        try:
            self.play(connection, number)
        except (OSError, EOFError):
            return
        finally:
            connection.close()
