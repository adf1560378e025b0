"""Reads a file of HTTP/1.1 framing cases, and plays one case against a proxy.

The file's paths are given other names, since this router answers `/health` by itself and wants JSON on `/v1/`:
what is proxied in the file is proxied here, and nothing else about a case changes.
"""

import json
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

from support.raw_http import RawConnection, Response

RENAMED = {"/health": "/get_model_info", "/v1/completions": "/generate"}
QUIET_SECONDS = 1.0
QUIET_SECONDS_BEHIND_ANSWERS = 0.1
ANSWER_SECONDS = 5.0


@dataclass
class Case:
    identifier: str
    rules: dict
    parts: list[list]

    @property
    def is_slow(self) -> bool:
        return bool(self.rules.get("slow"))


@dataclass
class Outcome:
    responses: list[Response] = field(default_factory=list)
    is_closed: bool = False
    """Whether what came after the responses was no response at all."""
    garbage: bytes = b""


def rename(text: str) -> str:
    for old, new in RENAMED.items():
        text = text.replace(f" {old} HTTP", f" {new} HTTP").replace(f" {old}?", f" {new}?")
        text = text.replace(f"a.test{old} HTTP", f"a.test{new} HTTP")
    return text


def cases(path: Path) -> list[Case]:
    """Every single case, and every byte of every sweep as a case of its own."""
    document = json.loads(path.read_text())
    found = []
    for rules in document["cases"]:
        parts = rules.get("parts") or [["lit", rules["raw"]]]
        renamed = [[part[0], rename(part[1]), *part[2:]] if part[0] != "flush" else part for part in parts]
        found.append(Case(rules["id"], rules, renamed))
    for sweep in document.get("sweeps", []):
        for byte in sweep["bytes"]:
            level = next((name for name, members in sweep.get("level_at", {}).items() if byte in members), sweep["level"])
            raw = rename(sweep["template"]).replace("{B}", chr(byte))
            found.append(Case(f"{sweep['id']}-{byte:02x}", sweep | {"level": level}, [["lit", raw]]))
    return found


def send(connection: RawConnection, parts: list[list]) -> None:
    for kind, *arguments in parts:
        if kind == "lit":
            connection.send(arguments[0])
        elif kind == "rep":
            connection.send(arguments[0] * arguments[1])
        elif kind == "drip":
            for _ in range(arguments[1]):
                connection.send(arguments[0])
                time.sleep(arguments[2])
        elif kind == "bytewise":
            for character in arguments[0]:
                connection.send(character)
                time.sleep(arguments[1])
        elif kind == "flush":
            time.sleep(arguments[0])
        else:
            raise AssertionError(f"a part of an unknown kind: {kind}")


def play(port: int, case: Case, answers: int = 0) -> Outcome:
    """Sends a case on a fresh connection, and reads responses until the connection ends or stays quiet.

    `answers` is how many of them are expected: these may take long, and what is behind them need not be waited for.
    """
    outcome = Outcome()
    with RawConnection(port, timeout=ANSWER_SECONDS if answers else QUIET_SECONDS) as connection:
        try:
            send(connection, case.parts)
            if case.rules.get("half_close"):
                connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        try:
            while True:
                outcome.responses.append(connection.read_response(head_only=bool(case.rules.get("head_only"))))
                if len(outcome.responses) == answers:
                    connection.socket.settimeout(QUIET_SECONDS_BEHIND_ANSWERS)
        except TimeoutError:
            outcome.garbage = connection.buffer
        except (EOFError, ConnectionError):
            outcome.is_closed = True
            outcome.garbage = connection.buffer
        except (AssertionError, ValueError) as error:
            outcome.garbage = str(error).encode()
    return outcome
