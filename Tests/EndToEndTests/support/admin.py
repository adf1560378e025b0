"""The admin API as a test uses it."""

import time
from urllib.parse import quote

import httpx

from support.waiting import wait_for


class Admin:
    """A client of the admin API, over TCP or over the Unix socket."""

    def __init__(self, base: str, socket_path: str | None = None):
        transport = httpx.HTTPTransport(uds=socket_path) if socket_path else httpx.HTTPTransport()
        self.client = httpx.Client(base_url=base, transport=transport, timeout=30, trust_env=False)

    def close(self) -> None:
        self.client.close()

    def get(self, path: str, **options: object) -> httpx.Response:
        return self.client.get(path, **options)

    def post(self, path: str, **options: object) -> httpx.Response:
        return self.client.post(path, **options)

    def put(self, path: str, **options: object) -> httpx.Response:
        return self.client.put(path, **options)

    def patch(self, path: str, **options: object) -> httpx.Response:
        return self.client.patch(path, **options)

    def delete(self, path: str, **options: object) -> httpx.Response:
        return self.client.delete(path, **options)

    def add_worker(self, url: str, **parameters: str) -> httpx.Response:
        return self.client.post("/add_worker", params={"url": url, **parameters})

    def remove_worker(self, url: str, **parameters: str) -> httpx.Response:
        return self.client.post("/remove_worker", params={"url": url, **parameters})

    def urls(self) -> list[str]:
        return self.client.get("/list_workers").json()["urls"]

    def workers(self) -> list[dict]:
        return self.client.get("/workers").json()["workers"]

    def worker(self, url: str) -> dict:
        return self.client.get(f"/workers/{quote(url, safe='')}").raise_for_status().json()

    def version(self) -> tuple[str, int]:
        answer = self.client.get("/version").json()
        return answer["epoch"], answer["sequence"]

    def data_planes(self, connected: bool = True) -> list[dict]:
        planes = self.client.get("/data_planes").json()["data_planes"]
        return [plane for plane in planes if plane["connected"]] if connected else planes

    def applied_by(self, count: int, sequence: int) -> list[dict] | None:
        """The connected data planes, once `count` of them serve at least `sequence`."""
        planes = self.data_planes()
        good = [plane for plane in planes if plane["applied"] and plane["applied"]["sequence"] >= sequence]
        return planes if len(good) == count == len(planes) else None

    def wait_until_applied(self, count: int, seconds: float = 10) -> list[dict]:
        """Waits until exactly `count` data planes are connected and serve the version of now."""
        _, sequence = self.version()
        return wait_for(
            f"{count} data planes at sequence {sequence}", lambda: self.applied_by(count, sequence), seconds,
        )

    def wait_for_no_requests(self, seconds: float = 5) -> float:
        """Waits until no data plane reports a request in flight; returns how long that took."""
        started = time.monotonic()
        wait_for(
            "no request in flight", lambda: all(plane["in_flight"] == 0 for plane in self.data_planes()), seconds,
        )
        return time.monotonic() - started
