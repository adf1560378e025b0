"""A client whose requests are answered 400 or 500 takes no worker away from the others."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.fleet import Workbench
from support.load import LoadGenerator
from support.measurements import record
from support.raw_http import ask
from support.recording_worker import RecordedRequest, RecordingWorker, WorkerConnection, response_bytes
from support.waiting import wait_for

BAD_BODY = b'{"model":"recorded","messages":[],"user":"bad"}'
GOOD_REQUEST_BODY = b'{"model":"recorded","messages":[]}'
NAME = "proxying/test_bad_client.py"


def failing_for_the_bad(bench: Workbench, status: str) -> RecordingWorker:
    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        bad = b'"user":"bad"' in request.body
        connection.send(response_bytes("{}", status=status) if bad else response_bytes("{}"))

    return bench.recording_worker(respond)


@pytest.mark.measured
@pytest.mark.parametrize("status", ["400 Bad Request", "500 Internal Server Error"])
def test_a_hundred_failed_requests_of_one_client_harm_no_other(bench: Workbench, status: str) -> None:
    workers = [failing_for_the_bad(bench, status) for _ in range(2)]
    _, proxy = bench.wired(*(worker.url for worker in workers))
    request = (b"POST /v1/chat/completions HTTP/1.1\r\nHost: router\r\nContent-Type: application/json\r\n"
               b"Content-Length: %d\r\n\r\n" % len(GOOD_REQUEST_BODY)) + GOOD_REQUEST_BODY
    with LoadGenerator(proxy.port, 8, request) as load:
        wait_for("the load to flow", lambda: load.result.completed > 50)
        with ThreadPoolExecutor(100) as bad:
            answers = list(bad.map(lambda _: ask(proxy.port, "POST", "/v1/chat/completions", BAD_BODY).status,
                                   range(100)))
        after = load.result.completed
        wait_for("traffic to go on", lambda: load.result.completed > after + 200)
    assert set(answers) == {int(status[:3])}
    failures = load.result.failures
    record("One client that provokes 100 errors", f"failed requests of others, answers {status[:3]}", len(failures),
           "requests", "0", NAME)
    assert failures == [], failures[:3]
