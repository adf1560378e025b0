"""A data plane that drains holds up no change: threads that have ended serve no table any more."""

import signal
import threading
import time

from support.fleet import Workbench
from support.limits import limit
from support.raw_http import RawConnection
from support.waiting import wait_for


def test_a_change_is_applied_although_threads_of_a_draining_data_plane_have_ended(bench: Workbench) -> None:
    release = threading.Event()

    def slow(connection, request) -> None:
        release.wait(limit(20))
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    worker = bench.recording_worker(slow)
    plane, proxy = bench.wired(worker.url, flags=("--threads", 4))
    with RawConnection(proxy.port) as connection:
        connection.send(b"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}")
        wait_for("the request to reach the worker", lambda: worker.routed("/generate"))
        proxy.signal(signal.SIGTERM)
        wait_for("it to say that it drains", lambda: any(entry["draining"] for entry in plane.admin.data_planes()))
        started = time.monotonic()
        answer = plane.admin.post("/workers", params={"wait": "applied"}, json={"url": bench.worker().url})
        assert answer.status_code in (200, 201, 202), answer.text
        plane.admin.wait_until_applied(1)
        assert time.monotonic() - started < limit(5)
        release.set()
        assert connection.read_response().status == 200
    assert proxy.wait(limit(10)) == 0
