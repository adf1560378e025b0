"""The Dockerfile, as far as it can be judged without building it."""

import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

from support.fleet import PROJECT
from support.manifests import load

DOCKERFILE = PROJECT / "deploy" / "docker" / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.M).replace("\\\n", " ")
    return [(name.upper(), " ".join(rest.split())) for name, _, rest in
            (line.partition(" ") for line in text.splitlines() if line.strip())]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for name, rest in instructions():
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest))
    return found


def one(stage: list[tuple[str, str]], name: str) -> str:
    values = [rest for found, rest in stage if found == name]
    assert len(values) == 1, f"{name}: {values}"
    return values[0]


def test_hadolint_finds_nothing() -> None:
    program = Path(sys.executable).parent / "hadolint"
    run = subprocess.run([program, "--no-color", "--failure-threshold", "style", str(DOCKERFILE)],
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0 and run.stdout == "", run.stdout + run.stderr
    # Each exception is one that somebody thought about.
    assert set(re.findall(r"hadolint ignore=(\S+)", DOCKERFILE.read_text())) == {"DL3008"}


def test_bases_are_pinned_to_one_release_of_one_distribution() -> None:
    bases = [one(stage, "FROM").split(" ")[0] for stage in stages()]
    assert len(bases) == 2
    swift, debian = bases
    version = re.search(r"^swift_version=(\S+)$", (PROJECT / "scripts/lib/manylinux.sh").read_text(), re.M)[1]
    assert swift == f"swift:{version}-bookworm", "the toolchain that wheels are built with"
    assert debian == "debian:bookworm-slim", "the C library that the programs were linked against"


def test_nothing_is_fetched_but_packages() -> None:
    for name, rest in instructions():
        assert name != "ADD", rest
        assert not re.search(r"https?://|\bcurl |\bwget |\bgit clone", rest), rest


def test_it_is_built_as_the_scripts_build_it() -> None:
    build = " ".join(rest for name, rest in stages()[0] if name == "RUN")
    for program in ("signalbox", "signalbox-proxy"):
        assert f"swift build -c release --product {program}" in build
        assert f"$folder/{program}\"" in build
    packages = re.search(r"^build_packages=\(([^)]*)\)", (PROJECT / "scripts/lib/install.sh").read_text(), re.M)[1]
    assert set(packages.split()) <= set(build.split())


def test_the_image_holds_the_programs_and_what_they_link() -> None:
    runtime = stages()[1]
    packages = re.search(r"--no-install-recommends ([^&]*?) &&", one(runtime, "RUN"))[1].split()
    assert packages == ["ca-certificates", "libcurl4", "libsqlite3-0"]
    assert [rest for name, rest in runtime if name == "COPY"] == [
        "--from=build /out/lib/ /usr/lib/swift/linux/", "--from=build /out/bin/ /usr/bin/"]
    assert "rm -rf /var/lib/apt/lists/*" in one(runtime, "RUN")


def test_it_runs_as_nobody_in_particular_and_ends_on_sigterm() -> None:
    runtime = stages()[1]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", one(runtime, "USER"))
    names = [name for name, _ in runtime]
    assert names.index("USER") > max(index for index, name in enumerate(names) if name in ("RUN", "COPY"))
    # The form without a shell, which would keep signals to itself.
    assert json.loads(one(runtime, "ENTRYPOINT")) == ["/usr/bin/signalbox"]
    assert json.loads(one(runtime, "CMD")) == ["launch"]
    assert one(runtime, "STOPSIGNAL") == "SIGTERM" and one(runtime, "HEALTHCHECK") == "NONE"


def test_it_shows_the_ports_that_kubernetes_uses() -> None:
    exposed = {int(port) for port in one(stages()[1], "EXPOSE").split()}
    assert exposed == set(load("kustomize:base").ports.values())


def copied() -> list[str]:
    return [source.removeprefix("./") for name, rest in stages()[0] if name == "COPY" for source in rest.split()[:-1]]


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets a path pass: the last line that matches it or a folder above decides."""
    sent = True
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    for line in (PROJECT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!").removeprefix("**/")
        names = parts if "**/" in line else above
        if any(fnmatch(name, pattern) and (name.count("/") == pattern.count("/")) for name in names):
            sent = line.startswith("!")
    return sent


def test_what_is_copied_is_there_and_sent_to_the_builder() -> None:
    assert copied()
    for source in copied():
        assert (PROJECT / source).exists() and is_sent(source), source
    for other in ("README.md", ".git/config", ".build/release/signalbox", "Tests/EndToEndTests/conftest.py",
                  "Sources/.build/x", "python/pyproject.toml"):
        assert not is_sent(other), other


def test_every_folder_of_the_manifest_is_copied() -> None:
    folders = re.findall(r'\bpath: "([^"]+)"', (PROJECT / "Package.swift").read_text())
    tests = re.findall(r'\.testTarget\(\s*name: "([^"]+)"', (PROJECT / "Package.swift").read_text())
    assert len(folders) > 10 and len(tests) > 4
    for folder in folders + [f"Tests/{name}" for name in tests]:
        assert any(f"{folder}/".startswith(f"{source}/") for source in copied()) and is_sent(folder), folder
