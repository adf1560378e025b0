"""What has to have passed before a version is published."""

import yaml

from support.fleet import PROJECT

WORKFLOWS = PROJECT / ".github" / "workflows"


def jobs(name: str) -> dict[str, dict]:
    return yaml.safe_load((WORKFLOWS / name).read_text())["jobs"]


def needed(by: str, of: dict[str, dict]) -> set[str]:
    """The names of all jobs that have to succeed first."""
    direct = of[by].get("needs", [])
    names = {direct} if isinstance(direct, str) else set(direct)
    return names.union(*(needed(name, of) for name in names))


def test_nothing_is_published_that_ci_has_not_passed() -> None:
    wheels = jobs("wheels.yml")
    first = needed("publish", wheels)
    assert {"wheel", "sdist", "check"} <= first
    [ci] = [name for name in first if wheels[name].get("uses") == "./.github/workflows/ci.yml"]
    # A job that may be skipped must not be skipped where one that needs it runs.
    assert wheels[ci]["if"] == wheels["publish"]["if"]
    # YAML reads the word "on" as true.
    assert "workflow_call" in yaml.safe_load((WORKFLOWS / "ci.yml").read_text())[True]
    assert not any(job.get("continue-on-error") for job in [*wheels.values(), *jobs("ci.yml").values()])
