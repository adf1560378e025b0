"""Tests of the comparison itself: `python3 -m unittest discover Benchmarks/compare`. They take a few seconds."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from dataclasses import fields, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import installing  # noqa: E402
import machine  # noqa: E402
import replay  # noqa: E402
import report  # noqa: E402
import scenarios  # noqa: E402
from measuring import Figures  # noqa: E402
from processes import Program, free_ports  # noqa: E402

BUILD = HERE / ".build" / "tests"
CORES = sorted(os.sched_getaffinity(0))
UNFINISHED_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 256\r\n\r\n{"
NO_FIGURES = Figures(**{field.name: 0 for field in fields(Figures)})


def setUpModule() -> None:
    installing.compile_programs(HERE / "programs", BUILD)


def generate(folder: Path, port: int, *flags: str) -> subprocess.CompletedProcess[str]:
    request = folder / "request"
    request.write_bytes(scenarios.request(200, "--events" in flags))
    return subprocess.run([str(BUILD / "load-generator"), "--port", str(port), "--request", str(request),
                           "--warm-up-ms", "50", "--duration-ms", "200", *flags],
                          capture_output=True, text=True, timeout=20)


class OneAnswerServer:
    """Answers every request on a port with the same bytes, whatever they are, and closes, or keeps silent for ever."""

    def __init__(self, answer: bytes, closes: bool = True) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.answer, self.closes, self.kept = answer, closes, []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            if connection.recv(65536):
                connection.sendall(self.answer)
            if self.closes:
                connection.close()
            else:
                self.kept.append(connection)


class RequestsTests(unittest.TestCase):
    def test_bodies_are_json_of_exactly_the_size_asked_for(self) -> None:
        for size in (200, 4096, 65536):
            for streams in (False, True):
                body = scenarios.chat_body(size, streams)
                self.assertEqual(len(body), size)
                self.assertEqual(json.loads(body)["stream"], streams)

    def test_a_scenario_pattern_that_names_none_is_refused(self) -> None:
        self.assertEqual([each.name for each in scenarios.chosen(["post-4KB"])], ["post-4KB-c32", "post-4KB-c256"])
        with self.assertRaisesRegex(ValueError, "post-9KB names none of"):
            scenarios.chosen(["post-9KB"])


class ReportTests(unittest.TestCase):
    def test_ratios_are_taken_within_a_round_and_only_where_both_ran(self) -> None:
        def run(cpu: float) -> Figures:
            return replace(NO_FIGURES, cpu_s_per_1000=cpu)

        rounds: report.Rounds = {"a": {1: run(2), 2: run(9), 3: run(40)}, "b": {1: run(1), 3: run(10)}}
        self.assertEqual(report.ratio(rounds, "a", "b", "cpu_s_per_1000"), report.Span(3, 2, 4))

    def test_missing_figures_are_shown_as_missing(self) -> None:
        table = report.rows(scenarios.SCENARIOS[0], {"a": {}}, ["a"], "b", True)
        self.assertEqual(set(table[1][2:]), {"-"})


class MachineTests(unittest.TestCase):
    def test_cpu_time_of_a_busy_process_is_seen(self) -> None:
        before = machine.process_times([os.getpid()])
        started = time.process_time()
        while time.process_time() - started < 0.2:
            pass
        used = machine.cpu_seconds(before, machine.process_times([os.getpid()]))
        self.assertAlmostEqual(used, 0.2, delta=0.05)

    def test_threads_that_come_or_go_fall_back_to_ticks(self) -> None:
        before = {1: machine.ProcessTimes(1.0, 1.0, {1: 5_000_000_000})}
        after = {1: machine.ProcessTimes(1.5, 1.5, {2: 1})}
        self.assertEqual(machine.cpu_seconds(before, after), 1.0)


class ProgramsTests(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def start_mock(self, *flags: str) -> int:
        port = free_ports(1)[0]
        mock = Program("mock", [str(BUILD / "mock-worker"), "--port", str(port), *flags], self.folder, CORES, True)
        self.addCleanup(mock.__exit__)
        mock.expect("listening")
        return port

    def results(self, outcome: subprocess.CompletedProcess[str]) -> dict:
        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        return json.loads(outcome.stdout.splitlines()[-1])

    def test_plain_answers_are_counted(self) -> None:
        result = self.results(generate(self.folder, self.start_mock(), "--connections", "8"))
        self.assertGreater(result["requests"], 100)
        self.assertEqual(result["latency_us"]["count"], result["requests"])

    def test_an_open_loop_keeps_its_rate(self) -> None:
        result = self.results(generate(self.folder, self.start_mock(), "--connections", "8", "--rate", "500"))
        # A closed loop would do thousands.
        self.assertAlmostEqual(result["requests"], 100, delta=60)

    def test_the_time_to_the_first_event_leaves_out_the_worker_s_own(self) -> None:
        port = self.start_mock("--events", "3", "--interval-us", "40000")
        result = self.results(generate(self.folder, port, "--connections", "4", "--events", "3", "--stagger-ms", "100"))
        # The worker waits 40 ms before each first event; percentiles are right to 0.8 %.
        own = result["first_event_us"]["p50"] - result["first_event_added_us"]["p50"]
        self.assertGreater(own, 38_000)

    def test_an_answer_of_the_wrong_size_ends_the_load(self) -> None:
        outcome = generate(self.folder, self.start_mock("--answer-bytes", "300"))
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("differs from what the worker sent", outcome.stderr)

    def test_a_stream_that_ends_early_ends_the_load(self) -> None:
        outcome = generate(self.folder, self.start_mock("--events", "3"), "--events", "4")
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("a stream ended after 3 of 4 events", outcome.stderr)

    def test_an_error_status_ends_the_load(self) -> None:
        server = OneAnswerServer(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        outcome = generate(self.folder, server.port)
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("503 Service Unavailable", outcome.stderr)

    def test_a_connection_closed_within_an_answer_ends_the_load(self) -> None:
        outcome = generate(self.folder, OneAnswerServer(UNFINISHED_ANSWER).port)
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("closed a connection in the middle", outcome.stderr)

    def test_an_answer_that_never_ends_ends_the_load(self) -> None:
        outcome = generate(self.folder, OneAnswerServer(UNFINISHED_ANSWER, closes=False).port)
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("an answer is missing", outcome.stderr)


class InterruptTests(unittest.TestCase):
    def test_an_interrupted_comparison_leaves_no_process_behind(self) -> None:
        comparison = subprocess.Popen(
            [sys.executable, str(HERE / "compare.py"), "--contestants", "direct", "--baseline", "direct",
             "--scenario", "post-200B-c1", "--rounds", "1", "--seconds", "60", "--build-dir", str(BUILD)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 20
        while len(family := machine.process_tree(comparison.pid)) < 3:
            self.assertLess(time.monotonic(), deadline, "the comparison started no programs")
            time.sleep(0.02)
        comparison.send_signal(signal.SIGINT)
        errors = comparison.communicate(timeout=20)[1]
        self.assertEqual(comparison.returncode, 130, errors)
        self.assertEqual([pid for pid in family if Path(f"/proc/{pid}").exists()], [])


class ReplayTests(unittest.TestCase):
    def test_requests_share_the_text_of_equal_leading_blocks_and_no_more(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trace.jsonl"
            rows = [([0, 1, 2], 1_200), ([0, 1, 3], 1_536), ([4], 100)]
            path.write_text("".join(
                json.dumps({"timestamp": 0, "input_length": length, "output_length": 5, "hash_ids": blocks}) + "\n"
                for blocks, length in rows
            ))
            requests = replay.read_trace(path, count=10, rate=2)
        contents = [json.loads(request.body)["messages"][0]["content"] for request in requests]
        self.assertEqual([len(content) for content in contents], [4_800, 6_144, 400])
        shared = os.path.commonprefix(contents[:2])
        self.assertTrue(2 * 2_048 <= len(shared) < 2 * 2_048 + 8, len(shared))
        self.assertLess(len(os.path.commonprefix(contents)), 8)
        self.assertEqual([request.at for request in requests], [0, 0.5, 1])


if __name__ == "__main__":
    unittest.main()
