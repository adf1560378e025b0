"""The workflows fit the published schema of GitHub's, and what they name is there."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from support.fleet import PROJECT

WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yml"))


def check(*files: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", *files],
                          capture_output=True, text=True, check=False)


def steps() -> list[dict]:
    documents = [yaml.safe_load(path.read_text()) for path in WORKFLOWS]
    return [step for document in documents for job in document["jobs"].values() for step in job.get("steps", [])]


def test_workflows_fit_the_schema() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "nightly.yml", "wheels.yml"]
    checked = check(*WORKFLOWS)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(("old", "new"), [("runs-on:", "run-on:"), ("timeout-minutes: 10", "timeout-minutes: soon"),
                                          ("needs: [wheel, sdist]", "needs: {}")])
def test_the_schema_finds_mistakes(tmp_path: Path, old: str, new: str) -> None:
    text = (PROJECT / ".github/workflows/wheels.yml").read_text()
    assert old in text
    broken = tmp_path / "wheels.yml"
    broken.write_text(text.replace(old, new))
    assert check(broken).returncode == 1


def test_workflows_run_scripts_that_are_there() -> None:
    configuration = tomllib.loads((PROJECT / "python/pyproject.toml").read_text())["tool"]["cibuildwheel"]
    texts = [step["run"] for step in steps() if "run" in step]
    texts += [configuration["before-all"], configuration["repair-wheel-command"]]
    scripts = {found for text in texts for found in re.findall(r"(?:\.ci|scripts)/[\w/.]+", text)}
    assert {".ci/run", "scripts/prove_wheel.sh", "scripts/lib/manylinux.sh", "scripts/lib/repair_wheel.sh"} <= scripts
    for script in scripts:
        assert (PROJECT / script).is_file(), script


def test_only_what_publishes_has_rights_and_actions_have_versions() -> None:
    documents = [yaml.safe_load(path.read_text()) for path in WORKFLOWS]
    assert all(document["permissions"] == {"contents": "read"} for document in documents)
    rights = {name: job["permissions"] for document in documents for name, job in document["jobs"].items()
              if "permissions" in job}
    assert rights == {"publish": {"id-token": "write"}}
    assert all(re.search(r"@(v\d+|release/v\d+|[0-9a-f]{40})$", step["uses"]) for step in steps() if "uses" in step)
