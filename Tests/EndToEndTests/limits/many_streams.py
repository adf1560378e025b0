"""A worker that keeps thousands of streams open on one thread."""

import selectors
import socket
import threading


class ManyStreams:
    """Answers every request with the beginning of a stream, and all of them once more with `send_all`."""

    def __init__(self, beginning: bytes):
        self.beginning = beginning
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.listener.setblocking(False)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.streams: set[socket.socket] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.listener, selectors.EVENT_READ)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> "ManyStreams":
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(5)
        for stream in self.streams:
            stream.close()
        self.listener.close()

    def send_all(self, data: bytes) -> None:
        for stream in list(self.streams):
            stream.sendall(data)

    def _run(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._selector.select(0.1):
                if key.fileobj is self.listener:
                    self._accept()
                else:
                    self._read(key.fileobj)

    def _accept(self) -> None:
        try:
            while True:
                connection, _ = self.listener.accept()
                self._selector.register(connection, selectors.EVENT_READ)
        except BlockingIOError:
            return

    def _read(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(65536)
        except OSError:
            data = b""
        if data and connection not in self.streams:
            connection.sendall(self.beginning)
            self.streams.add(connection)
        elif not data:
            self._selector.unregister(connection)
            self.streams.discard(connection)
            connection.close()
