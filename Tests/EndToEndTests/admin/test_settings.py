"""Limits, time limits and forwarding: set by flags and over the admin API, kept by the database, audited."""

import json
import re
import sqlite3
import subprocess

import pytest

from support.fleet import PROJECT, ControlPlane, Workbench, binary
from support.ports import free_port
from support.processes import kill_pid
from support.snapshots import SnapshotClient
from support.waiting import wait_for

# Every flag with a value that is not its default, the setting that it sets, and the value that is stored.
FLAGS: list[tuple[str, str, str, int | str]] = [
    ("--max-payload-size", "1000", "payload_bytes_max", 1000),
    ("--max-request-line-bytes", "2048", "request_line_bytes_max", 2048),
    ("--max-head-bytes", "4096", "head_bytes_max", 4096),
    ("--max-header-fields", "20", "fields_max", 20),
    ("--max-chunk-extension-bytes", "0", "chunk_extension_bytes_max", 0),
    ("--max-connections", "500", "connections_max", 500),
    ("--max-buffer-bytes", "16777216", "buffer_bytes_max", 16777216),
    ("--max-spool-bytes", "0", "spool_bytes_max", 0),
    ("--timeout-head-secs", "0.25", "head_timeout_milliseconds", 250),
    ("--timeout-upload-idle-secs", "1.5", "upload_idle_timeout_milliseconds", 1500),
    ("--timeout-keep-alive-secs", "0.001", "keep_alive_timeout_milliseconds", 1),
    ("--timeout-queue-secs", "0", "queue_timeout_milliseconds", 0),
    ("--timeout-connect-secs", "2", "connect_timeout_milliseconds", 2000),
    ("--timeout-first-byte-secs", "86400", "first_byte_timeout_milliseconds", 86400000),
    ("--timeout-stream-idle-secs", "4", "stream_idle_timeout_milliseconds", 4000),
    ("--request-timeout-secs", "600", "request_timeout_milliseconds", 600000),
    ("--timeout-hold-secs", "1", "hold_timeout_milliseconds", 1000),
    ("--timeout-drain-secs", "8", "drain_timeout_milliseconds", 8000),
    ("--max-concurrent-requests", "64", "concurrent_requests_max", 64),
    ("--queue-size", "10", "queue_size", 10),
    ("--max-queue-percent", "75", "queue_percent_max", 75),
    ("--rate-limit-tokens-per-second", "500", "requests_per_second_max", 500),
    ("--max-worker-requests", "32", "worker_requests_max", 32),
    ("--retry-max-retries", "3", "retry_attempts_max", 3),
    ("--retry-initial-backoff-ms", "20", "retry_backoff_initial_milliseconds", 20),
    ("--retry-max-backoff-ms", "1000", "retry_backoff_max_milliseconds", 1000),
    ("--retry-backoff-multiplier", "2.5", "retry_backoff_multiplier_permille", 2500),
    ("--retry-jitter-factor", "0.1", "retry_jitter_permille", 100),
    ("--retry-budget-percent", "30", "retry_budget_percent", 30),
    ("--retry-silence-secs", "7.5", "retry_silence_milliseconds", 7500),
    ("--cb-failure-threshold", "5", "breaker_failure_threshold", 5),
    ("--cb-success-threshold", "2", "breaker_success_threshold", 2),
    ("--cb-timeout-duration-secs", "30", "breaker_open_milliseconds", 30000),
    ("--cb-window-duration-secs", "60", "breaker_window_milliseconds", 60000),
    ("--cb-max-open-percent", "25", "breaker_open_percent_max", 25),
    ("--cb-counts", "errors", "breaker_counts", "errors"),
    ("--half-close", "allow", "half_close", "allow"),
    ("--request-id-headers", "x-trace-id,X-Id", "request_id_fields", "x-trace-id,X-Id"),
    ("--trace-context", "check", "trace_context", "check"),
    ("--worker-field", "1", "worker_field", 1),
    ("--explain", "1", "explain", 1),
    ("--forwarded-fields", "replace", "forwarded_fields", "replace"),
    ("--via", "", "via", ""),
]
ARGUMENTS = [text for flag, value, _, _ in FLAGS for text in (flag, value)]
EXPECTED = {setting: value for _, _, setting, value in FLAGS}


def wait_for_settings(plane: ControlPlane, expected: dict[str, int | str]) -> None:
    """Flags are stored when the listeners are open, so the first answer may be older than they are."""
    wait_for("the settings of the flags", lambda: plane.admin.get("/settings").json()["settings"] == expected)


def test_every_setting_has_a_flag_and_a_stored_flag_is_one_audited_change(bench: Workbench) -> None:
    plane = bench.control_plane(*ARGUMENTS)
    wait_for_settings(plane, EXPECTED)
    [(actor, action, after)] = plane.rows("SELECT actor, action, after FROM audit")
    assert (actor, action, json.loads(after)) == ("cli", "settings.set", EXPECTED)


def test_a_flag_that_is_not_given_leaves_the_stored_value(bench: Workbench) -> None:
    first = bench.control_plane(*ARGUMENTS)
    wait_for_settings(first, EXPECTED)
    assert first.terminate(5) == 0
    second = bench.control_plane("--queue-timeout-secs", "7", database=first.database)
    wait_for_settings(second, EXPECTED | {"queue_timeout_milliseconds": 7000})
    assert [json.loads(after) for after, in second.rows("SELECT after FROM audit WHERE id > 1")] == [
        {"queue_timeout_milliseconds": 7000}]


@pytest.mark.parametrize(("flags", "expected"), [
    (["--disable-retries"], {"retry_attempts_max": 1}),
    (["--retry-max-retries", "0"], {"retry_attempts_max": 1}),
    (["--disable-circuit-breaker"], {"breaker_failure_threshold": 0}),
    (["--max-concurrent-requests", "-1"], {"concurrent_requests_max": 0}),
])
def test_the_originals_ways_to_switch_something_off_are_understood(
        bench: Workbench, flags: list[str], expected: dict[str, int]) -> None:
    plane = bench.control_plane(*flags)
    wait_for("the settings of the flags",
             lambda: expected.items() <= plane.admin.get("/settings").json()["settings"].items())


def test_launch_hands_the_flags_on_and_a_restarted_control_plane_keeps_what_operators_set(bench: Workbench) -> None:
    launch = bench.launch(*ARGUMENTS, "--spool-directory", bench.folder)
    assert launch.admin.get("/settings").json()["settings"] == EXPECTED
    changed = launch.admin.patch("/settings", json={"half_close": "abort", "fields_max": 30}).json()["settings"]
    assert changed == EXPECTED | {"half_close": "abort", "fields_max": 30}
    killed = launch.control_plane_pid()
    kill_pid(killed)
    wait_for("another control plane", lambda: launch.control_plane_pid() not in (None, killed))
    bench.wait_for_admin(launch)
    assert launch.admin.get("/settings").json()["settings"] == changed


@pytest.mark.parametrize(("flags", "named"), [
    (("--timeout-queue-secs", "-1"), "--timeout-queue-secs must be a number of seconds from 0 to 86400"),
    (("--queue-timeout-secs", "x"), "--timeout-queue-secs must be a number of seconds from 0 to 86400"),
    (("--timeout-connect-secs", "0.0001"), "--timeout-connect-secs must be a number of seconds from 0.001 to 86400"),
    (("--max-head-bytes", "5"), "--max-head-bytes must be a whole number of bytes from 1024 to 1048576, not '5'."),
    (("--half-close", "maybe"), "--half-close must be abort or allow, not 'maybe'."),
    (("--forwarded-fields", "drop"), "--forwarded-fields must be append, replace, remove or pass, not 'drop'."),
    (("--request-id-headers", "a:b"),
     "--request-id-headers must be up to 8 names of header fields with commas between, or empty, not 'a:b'."),
    (("--via", "two words"), "--via must be a name of at most 64 letters, digits and -._, or empty, not 'two words'."),
])
@pytest.mark.parametrize("command", ["control-plane", "launch"])
def test_a_bad_flag_is_a_usage_error_with_one_sentence(
        bench: Workbench, command: str, flags: tuple[str, str], named: str) -> None:
    result = subprocess.run(
        [binary("signalbox"), command, "--admin-port", str(free_port()), "--prometheus-port", "0", "--runtime-dir", bench.folder / "r",
         "--database", bench.folder / "d.db", *flags],
        capture_output=True, text=True, timeout=20,
    )
    assert result.returncode == 64
    assert f"Error: {named}" in result.stderr
    assert not (bench.folder / "d.db").exists()


def test_a_spool_folder_that_is_none_is_a_usage_error(bench: Workbench) -> None:
    for folder in ("/etc/hostname", bench.folder / "absent"):
        launch = bench.launch("--spool-directory", folder, wait=False)
        assert launch.wait(20) == 64
        assert f"--spool-directory '{folder}'" in launch.log()


def test_the_help_names_every_flag_with_its_default() -> None:
    for command in ("control-plane", "launch"):
        result = subprocess.run([binary("signalbox"), command, "--help"], capture_output=True, text=True, timeout=20)
        words = " ".join(result.stdout.split())
        for flag, _, setting, _ in FLAGS:
            _, found, rest = words.partition(f" {flag} <" if flag != "--timeout-queue-secs" else f" {flag}, ")
            assert found, flag
            default = defaults()[setting]
            in_thousands = setting.endswith(("_milliseconds", "_permille")) and not flag.endswith("-ms")
            shown = f"{default / 1000:g}" if in_thousands else default
            assert f"(default: as stored, at first {shown})" in rest[:400], flag


def test_the_document_of_limits_names_every_flag_with_its_setting_and_default() -> None:
    text = (PROJECT / "docs" / "limits.md").read_text()
    rows = re.findall(r"^\| `(--[a-z-]+)` \| `([a-z_]+)` \| ([^ ]+)( s| ms)? \|", text, re.MULTILINE)
    documented = {(flag, setting): f"{number}{unit}" for flag, setting, number, unit in rows}
    assert documented == {(flag, setting): written_default(flag, setting) for flag, _, setting, _ in FLAGS}


def written_default(flag: str, setting: str) -> str:
    """As the document writes it, in the flag's unit."""
    default = defaults()[setting]
    if setting.endswith("_permille"):
        return f"{default / 1000:g}"
    if flag.endswith("-ms"):
        return f"{default} ms"
    return f"{default // 1000} s" if setting.endswith("_milliseconds") else str(default)


def defaults() -> dict[str, int | str]:
    schema = json.loads((PROJECT / "openapi" / "snapshot.schema.json").read_text())
    return {name: item["default"] for name, item in schema["$defs"]["settings"]["properties"].items()}


def test_limits_of_single_models_are_kept_audited_and_published(bench: Workbench) -> None:
    first = bench.control_plane()
    model = "/settings/models/org%2Fmodel"
    limits = {"queue_timeout_milliseconds": 5, "request_timeout_milliseconds": 9}
    answer = first.admin.patch(model, json=limits, headers={"x-request-id": "ticket-9"})
    assert answer.status_code == 200 and answer.json()["settings"] == limits
    first.admin.put("/policies/models/org%2Fmodel", json={"name": "random"})
    first.admin.patch(model, json={"request_timeout_milliseconds": None})
    assert first.terminate(5) == 0
    second = bench.control_plane(database=first.database)
    assert second.admin.get("/settings").json()["models"] == {"org/model": {"queue_timeout_milliseconds": 5}}
    with SnapshotClient(second.control_socket) as client:
        _, document = client.snapshot_at(second.admin.version()[1])
    assert json.loads(document)["models"] == [{
        "model": "org/model", "policy": {"name": "random", "parameters": {}},
        "timeouts": {"queue_timeout_milliseconds": 5}}]
    assert second.admin.delete(model).status_code == 200
    rows = second.rows("SELECT action, subject, request_id, before, after FROM audit WHERE action LIKE 'settings.%'")
    assert [row[0] for row in rows] == ["settings.set", "settings.set", "settings.removed"]
    assert {row[1] for row in rows} == {"model org/model"} and rows[0][2] == "ticket-9"
    assert json.loads(rows[0][4]) == limits
    assert json.loads(rows[1][4]) == {"request_timeout_milliseconds": None}
    assert json.loads(rows[2][3]) == {"queue_timeout_milliseconds": 5} and rows[2][4] is None


@pytest.mark.parametrize("setting", ["head_timeout_milliseconds", "upload_idle_timeout_milliseconds",
                                     "keep_alive_timeout_milliseconds"])
def test_a_limit_that_applies_before_the_model_is_known_is_refused_for_a_model(bench: Workbench, setting: str) -> None:
    plane = bench.control_plane()
    answer = plane.admin.patch("/settings/models/m", json={setting: 5})
    assert answer.status_code == 422
    assert setting in answer.json()["error"] and "before the model of a request is known" in answer.json()["error"]
    assert plane.admin.version()[1] == 0


def test_an_older_database_keeps_its_settings(bench: Workbench) -> None:
    """The tables of settings as the first version made them, filled by hand."""
    first = bench.control_plane()
    assert first.terminate(5) == 0
    connection = sqlite3.connect(first.database)
    connection.executescript("""
        DROP TABLE model_setting;
        DROP TABLE setting;
        CREATE TABLE setting (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        INSERT INTO setting VALUES ('pending_wait_milliseconds', 1234), ('payload_bytes_max', 77);
        DELETE FROM grdb_migrations WHERE identifier LIKE '3 %';
    """)
    connection.close()
    second = bench.control_plane(database=first.database)
    assert second.admin.get("/settings").json()["settings"] == defaults() | {
        "queue_timeout_milliseconds": 1234, "payload_bytes_max": 77}
