"""An OpenAPI document as a judge: every answer must have a documented status and the documented form."""

import json
import re
from pathlib import Path

import jsonschema
import yaml

from support.raw_http import Response, ask


class Contract:
    def __init__(self, path: Path):
        self.document = yaml.safe_load(path.read_text())
        self.exercised: set[tuple[str, str]] = set()

    def operations(self) -> set[tuple[str, str]]:
        return {(method.upper(), path) for path, item in self.document["paths"].items()
                for method in item if method in ("get", "put", "post", "delete", "patch")}

    def ask(self, port: int | str, method: str, path: str, body: dict | None = None) -> Response:
        """One request, whose answer must be as documented."""
        data = None if method == "GET" else json.dumps(body).encode() if body is not None else b""
        answer = ask(port, method, path, data, {"Content-Type": "application/json"} if body is not None else None)
        template = self._template(method, path.partition("?")[0])
        self.exercised.add((method, template))
        responses = self.document["paths"][template][method.lower()]["responses"]
        described = self._resolve(responses.get(str(answer.status)) or responses.get("default"))
        assert described, f"{method} {path} answered {answer.status}, which is not documented: {answer.body[:200]!r}"
        content = described.get("content", {})
        kind = (answer.header("content-type") or "").partition(";")[0]
        if answer.body:
            assert kind in content, f"{method} {path} answered {answer.status} as {kind!r}, documented: {list(content)}"
        if kind == "application/json" and "schema" in content[kind]:
            schema = content[kind]["schema"] | {"components": self.document["components"]}
            jsonschema.Draft202012Validator(schema).validate(json.loads(answer.body))
        return answer

    def _template(self, method: str, path: str) -> str:
        exact = [template for template in self.document["paths"] if template == path]
        patterns = [template for template in self.document["paths"]
                    if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path)]
        for template in exact + patterns:
            if method.lower() in self.document["paths"][template]:
                return template
        raise AssertionError(f"{method} {path} is not documented")

    def _resolve(self, item: dict | None) -> dict | None:
        while item and "$ref" in item:
            target: dict = self.document
            for key in item["$ref"].removeprefix("#/").split("/"):
                target = target[key]
            item = target
        return item
