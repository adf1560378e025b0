"""Policies that look at what a request says, over the whole way from the flag to the pick."""

import json
from collections import Counter

import pytest

from support.fleet import ControlPlane, DataPlane, Workbench
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes

SESSION = "The signalman pulls the lever, and the train goes where it should. " * 120


def fleet(bench: Workbench, count: int, *flags: object) -> tuple[ControlPlane, DataPlane]:
    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        connection.send(response_bytes("{}", headers=(f"X-Worker: {connection.worker.port}",)))

    plane = bench.control_plane(*flags)
    proxy = bench.data_plane(plane.control_socket)
    for _ in range(count):
        assert plane.admin.add_worker(bench.recording_worker(respond).url).status_code == 200
    plane.admin.wait_until_applied(1)
    bench.wait_ready(proxy)
    return plane, proxy


def worker_of(proxy: DataPlane, path: str, body: dict, headers: dict | None = None) -> str:
    with RawConnection(proxy.port) as client:
        fields = {"Content-Type": "application/json"} | (headers or {})
        answer = client.ask("POST", path, json.dumps(body).encode(), fields)
        assert answer.status == 200, answer.body
        return answer.header("x-worker")


def chat(proxy: DataPlane, *contents: str) -> str:
    messages = [{"role": "user", "content": content} for content in contents]
    return worker_of(proxy, "/v1/chat/completions", {"model": "recorded", "messages": messages})


def test_cache_aware_sends_a_known_beginning_to_the_worker_that_knows_it(bench: Workbench) -> None:
    _, proxy = fleet(bench, 2, "--policy", "cache_aware", "--cache-threshold", 0.5)

    def generate(text: str) -> str:
        return worker_of(proxy, "/generate", {"text": text})

    first = generate("hello world")
    assert {generate("hello world"), generate("hello wor")} == {first}
    seen = {generate(f"{number} unlike all the others") for number in range(4)}
    assert len(seen) == 2, "texts that nobody knows stay at one worker"


@pytest.mark.parametrize("policy", ["cache_aware", "kv_cost", "prefix_hash"])
def test_a_conversation_stays_where_it_began_and_others_are_spread(bench: Workbench, policy: str) -> None:
    _, proxy = fleet(bench, 3, "--policy", policy)
    homes = Counter()
    # Policies that hash take any worker for a session: with 40 of them, none is left out but once in three million runs.
    for session in range(40 if policy == "prefix_hash" else 12):
        start = f"Session {session}. " + SESSION
        home = chat(proxy, start)
        assert {chat(proxy, start, "And then?"), chat(proxy, start, "And then?", "What else?")} == {home}
        homes[home] += 1
    assert len(homes) == 3, homes


def test_kv_cost_keeps_models_apart_and_survives_a_removed_worker(bench: Workbench) -> None:
    plane, proxy = fleet(bench, 2, "--policy", "kv_cost")
    home = chat(proxy, SESSION)
    assert chat(proxy, SESSION, "More") == home
    identity = next(entry["id"] for entry in plane.admin.workers() if entry["url"].endswith(f":{home}"))
    plane.admin.delete(f"/workers/{identity}", params={"force": "true"})
    plane.admin.wait_until_applied(1)
    other = chat(proxy, SESSION, "More")
    assert other != home and chat(proxy, SESSION, "More", "Still") == other


def test_manual_keeps_a_key_at_its_worker(bench: Workbench) -> None:
    _, proxy = fleet(bench, 3, "--policy", "manual", "--assignment-mode", "min_group")
    homes = {}
    for key in range(6):
        headers = {"X-SMG-Routing-Key": f"key-{key}"}
        homes[key] = worker_of(proxy, "/generate", {"text": "x"}, headers)
        for _ in range(3):
            assert worker_of(proxy, "/generate", {"text": "y"}, headers) == homes[key]
    assert sorted(Counter(homes.values()).values()) == [2, 2, 2]


def test_manual_gives_a_key_the_same_worker_on_every_data_plane(bench: Workbench) -> None:
    plane, proxy = fleet(bench, 3, "--policy", "manual")
    other = bench.data_plane(plane.control_socket)
    bench.wait_ready(other)
    keys = [{"X-SMG-Routing-Key": f"key-{number}"} for number in range(20)]
    homes = [worker_of(proxy, "/generate", {"text": "x"}, key) for key in keys]
    assert [worker_of(other, "/generate", {"text": "x"}, key) for key in keys] == homes
    assert len(set(homes)) == 3


def test_consistent_hashing_honours_key_and_target(bench: Workbench) -> None:
    _, proxy = fleet(bench, 3, "--policy", "consistent_hashing")
    key = {"X-SMG-Routing-Key": "tenant-7"}
    assert len({worker_of(proxy, "/generate", {"text": str(number)}, key) for number in range(6)}) == 1
    targets = [worker_of(proxy, "/generate", {"text": "x"}, {"X-SMG-Target-Worker": str(number)}) for number in range(3)]
    assert len(set(targets)) == 3
    again = [worker_of(proxy, "/generate", {"text": "x"}, {"x-smg-target-worker": str(number)}) for number in range(3)]
    assert again == targets
    with RawConnection(proxy.port) as client:
        answer = client.ask("POST", "/generate", b"{}", {"X-SMG-Target-Worker": "3"})
    assert answer.status == 503 and json.loads(answer.body)["error"]["code"] == "unknown_target_worker"
    # Nobody waits behind it, and who names nothing goes anywhere.
    assert len({worker_of(proxy, "/generate", {"text": "x"}) for _ in range(40)}) == 3


def test_a_policy_for_one_model_is_set_at_run_time_with_its_parameters(bench: Workbench) -> None:
    plane, proxy = fleet(bench, 2)
    body = {"name": "cache_aware", "parameters": {"cache_threshold": 0.2, "balance_abs_threshold": 1000}}
    assert plane.admin.put("/policies/models/recorded", json=body).status_code == 200
    plane.admin.wait_until_applied(1)
    home = chat(proxy, SESSION)
    assert {chat(proxy, SESSION, str(number)) for number in range(5)} == {home}
    [(after,)] = plane.rows("SELECT after FROM audit WHERE action = 'policy.set'")
    assert json.loads(after)["parameters"]["cache_threshold"] == 0.2


def test_a_body_of_any_kind_is_routed_by_every_policy(bench: Workbench) -> None:
    plane, proxy = fleet(bench, 2)
    for policy in plane.admin.get("/policies").json()["available"]:
        assert plane.admin.put("/policies/default", json={"name": policy}).status_code == 200
        plane.admin.wait_until_applied(1)
        with RawConnection(proxy.port) as client:
            for body in (b"", b"no json", b"{}", b'{"text":""}', b'{"input_ids":[1,2]}', b'{"text":"' + b"x" * 2_000_000 + b'"}'):
                assert client.ask("POST", "/generate", body).status == 200, (policy, body[:20])
