"""A stretch of network between two data planes: it passes UDP datagrams on, keeps copies of them, and can be cut."""

import socket
import threading

from support.ports import free_port


class DatagramRelay:
    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.is_cut = False
        self.captured: list[bytes] = []
        self._target = ("127.0.0.1", target)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", self.port))
        self._socket.settimeout(0.1)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __enter__(self) -> "DatagramRelay":
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        self._socket.close()

    def send(self, datagram: bytes) -> None:
        self._socket.sendto(datagram, self._target)

    def _run(self) -> None:
        while not self._ends.is_set():
            try:
                datagram = self._socket.recv(65_536)
            except TimeoutError:
                continue
            self.captured.append(datagram)
            if not self.is_cut:
                self.send(datagram)
