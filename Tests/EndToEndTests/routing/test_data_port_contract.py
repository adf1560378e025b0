"""openapi/data-plane.yaml says what the data port answers, no more and no less."""

import json
import re

import jsonschema
import pytest
import yaml

from support.fleet import PROJECT, Workbench
from support.raw_http import Response, ask

DOCUMENT = yaml.safe_load((PROJECT / "openapi" / "data-plane.yaml").read_text())
OPERATIONS = [
    (method.upper(), path.replace("{path}", "chat/completions"), operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items() if method != "parameters"
]
BODY = b'{"model":"simulated","max_tokens":1,"text":"hi","query":"a","documents":["b"],"messages":[{"role":"user","content":"hi"}]}'


def check(answer: Response, operation: dict) -> None:
    """The status is documented, and the body follows its schema where there is one."""
    described = operation["responses"][str(answer.status)]
    if "$ref" in described:
        described = DOCUMENT["components"]["responses"][described["$ref"].rpartition("/")[2]]
    schema = described.get("content", {}).get("application/json", {}).get("schema")
    if schema:
        jsonschema.validate(json.loads(answer.body), {"components": DOCUMENT["components"], **schema})


@pytest.mark.parametrize("fleet", ["empty", "ready"])
def test_every_operation_answers_as_documented(bench: Workbench, fleet: str) -> None:
    workers = [bench.worker().url] if fleet == "ready" else []
    _, proxy = bench.wired(*workers)
    for method, path, operation in OPERATIONS:
        answer = ask(proxy.port, method, path, BODY if method == "POST" else None, {"Content-Type": "application/json"})
        is_local = path in ("/health", "/liveness")
        assert answer.status == (200 if workers or is_local else 503), (method, path)
        check(answer, operation)
        other = ask(proxy.port, "DELETE", path)
        assert other.status == 405, f"DELETE {path} is not documented"


def test_errors_are_documented(bench: Workbench) -> None:
    _, proxy = bench.wired(bench.worker().url)
    chat = DOCUMENT["paths"]["/v1/{path}"]["post"]
    check(ask(proxy.port, "POST", "/v1/completions", b"{", {"Content-Type": "application/json"}), chat)
    check(ask(proxy.port, "POST", "/v1/completions", None, {"Content-Length": str(1 << 40)}), chat)


def test_every_error_code_of_the_software_is_documented_and_no_other() -> None:
    sources = (PROJECT / "Sources" / "DataPlane" / "Core").rglob("*.swift")
    codes = {code for file in sources for code in re.findall(r'code:[^"\n]*"([a-z_]+)"', file.read_text())}
    codes |= {"bad_request", "expectation_failed", "header_fields_too_large", "request_line_too_long"}
    documented = DOCUMENT["components"]["schemas"]["Error"]["properties"]["error"]["properties"]["code"]["enum"]
    assert sorted(codes) == sorted(documented)
