"""The Python face reads what the original read, and says the same to the native program."""

import argparse
import dataclasses
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.fleet import PROJECT, binary

sys.path.insert(0, str(PROJECT / "python" / "src"))

from signalbox.flags import FLAGS, POLICIES  # noqa: E402
from sglang_router import PolicyType, Router, RouterArgs  # noqa: E402
from sglang_router.launch_router import parse_router_args  # noqa: E402


def value_of(command: list[str], flag: str) -> list[str]:
    """What stands behind a flag, up to the next one."""
    rest = command[command.index(flag) + 1:]
    end = next((index for index, word in enumerate(rest) if word.startswith("--")), len(rest))
    return rest[:end]


def test_the_defaults_are_those_of_the_original() -> None:
    args = parse_router_args([])
    assert (args.host, args.port, args.policy, args.worker_urls) == ("127.0.0.1", 30000, "cache_aware", [])
    assert (args.cache_threshold, args.balance_abs_threshold, args.balance_rel_threshold) == (0.5, 32, 1.0001)
    assert (args.eviction_interval_secs, args.max_tree_size, args.prometheus_port) == (60, 2**24, 29000)
    assert args == RouterArgs() and value_of(args.command(), "--policy") == ["cache_aware"]


@pytest.mark.parametrize(("words", "field", "value"), [
    (["--worker-urls", "http://a:1", "http://b:2"], "worker_urls", ["http://a:1", "http://b:2"]),
    (["--policy=round_robin"], "policy", "round_robin"),
    (["--eviction-interval", "7"], "eviction_interval_secs", 7),
    (["--cache-thresh", "0.25"], "cache_threshold", 0.25),
    (["--verbose"], "verbose", True),
    (["--log-level", "warning"], "log_level", "warning"),
    (["--log-level", "warn"], "log_level", "warn"),
    (["--backend", "sglang"], "backend", "sglang"),
    (["--access-log", "full", "--policy", "random"], "native_arguments", ["--access-log", "full"]),
    (["--max-concurrent-requests", "-1"], "max_concurrent_requests", -1),
    (["--service-discovery", "--selector", "app=a", "role=b"], "selector", {"app": "a", "role": "b"}),
    (["--selector", "app=a", "tier in (b, c)"], "selector", ["app=a", "tier in (b, c)"]),
    (["--selector", "app!=a"], "selector", ["app!=a"]),
    (["--prometheus-port", "9000", "--prometheus-host", "0.0.0.0"], "prometheus_host", "0.0.0.0"),
])
def test_flags_are_read_as_the_original_read_them(words: list[str], field: str, value: object) -> None:
    assert getattr(parse_router_args(words), field) == value


@pytest.mark.parametrize(("words", "feature"), [
    (["--pd-disaggregation"], "prefill/decode disaggregation"),
    (["--tls-cert-path", "x"], "TLS"),
    (["--api-key", "secret"], "authentication"),
    (["--dp-aware"], "ranks within a worker"),
])
def test_what_is_not_there_is_named_and_nothing_starts(words: list[str], feature: str) -> None:
    ended = subprocess.run([sys.executable, "-m", "sglang_router.launch_router", *words], capture_output=True, text=True,
                           check=False, env={"PYTHONPATH": str(PROJECT / "python" / "src")})
    assert ended.returncode == 64 and feature in ended.stderr and words[0] in ended.stderr
    assert "secret" not in ended.stderr
    assert ended.stderr.count("\n") == 1 and ended.stdout == ""


def test_every_flag_that_acts_is_known_to_the_native_program() -> None:
    shown = subprocess.run([binary("signalbox"), "launch", "--help"], capture_output=True, text=True, check=True).stdout
    native = set(re.findall(r"--([a-z][a-z0-9-]+)", shown))
    missing = {flag.native for flag in FLAGS if flag.native} - native
    assert not missing, f"the table says that these act, and the program does not know them: {missing}"
    there = {flag.name for flag in FLAGS if flag.native is None} & native
    assert not there, f"the table says that these are not there, and the program knows them: {there}"


def test_flags_take_the_values_that_the_native_program_takes() -> None:
    shown = subprocess.run([binary("signalbox"), "launch", "--experimental-dump-help"], capture_output=True, text=True, check=True)
    native = {name["name"]: argument for argument in json.loads(shown.stdout)["command"]["arguments"]
              for name in argument.get("names", [])}
    for flag in (flag for flag in FLAGS if flag.native):
        argument = native[flag.native]
        assert (argument["kind"] == "flag") is (flag.kind == "flag"), flag.name
        assert argument["isRepeating"] is (flag.kind == "list"), flag.name
        if "allValues" in argument:
            assert set(argument["allValues"]) == set(flag.choices or ()), flag.name
    policies = native["policy"]["abstract"].rpartition(": ")[2].rstrip(".").split(", ")
    assert set(policies) == set(POLICIES) == {policy.value for policy in PolicyType}


# Where the original's documented defaults, which the Python side keeps, are not those of the native program.
OTHER_DEFAULTS = {"policy", "cache-threshold", "balance-abs-threshold", "balance-rel-threshold", "max-payload-size"}


def test_defaults_are_those_of_the_native_program_where_the_original_has_no_others() -> None:
    shown = subprocess.run([binary("signalbox"), "launch", "--experimental-dump-help"], capture_output=True, text=True, check=True)
    native = {}
    for argument in json.loads(shown.stdout)["command"]["arguments"]:
        told = re.search(r"\((?:default: as stored, at first |default: )?([a-z0-9_.]+)\)", argument["abstract"])
        for name in argument.get("names", []):
            native[name["name"]] = argument.get("defaultValue") or (told and told.group(1))
    given = {flag.native: str(flag.default) for flag in FLAGS if flag.native and flag.default not in (None, False)}
    assert len(given) > 10
    assert {name for name, default in given.items() if default != native[name]} == OTHER_DEFAULTS


def test_help_tells_the_default_that_counts() -> None:
    texts = {flag.name: flag.help for flag in FLAGS}
    assert texts["cache-threshold"].endswith("share of the text (default: 0.5).")
    assert texts["policy"].startswith("Routing policy: ") and texts["policy"].endswith("(default: cache_aware).")
    assert texts["max-idle-secs"].endswith("(14400).") and texts["admin-port"].endswith("(default: 30001).")
    assert all("\n" not in text and text.count("default") <= 1 for text in texts.values())


def test_arguments_are_a_dataclass() -> None:
    args = RouterArgs(policy="random", worker_urls=["http://a:1"])
    changed = dataclasses.replace(args, port=5)
    assert (changed.policy, changed.port, args.port) == ("random", 5, 30000)
    assert RouterArgs(**dataclasses.asdict(changed)) == changed != args
    assert {field.name for field in dataclasses.fields(RouterArgs)} == {flag.field for flag in FLAGS} | {"native_arguments"}
    native = RouterArgs(native_arguments=["--access-log", "full"])
    copied = dataclasses.replace(native)
    copied.native_arguments.append("--verbose")
    assert native.native_arguments == ["--access-log", "full"]
    assert RouterArgs.from_dict(dataclasses.asdict(native)) == native
    assert RouterArgs(native_arguments=None).command() == RouterArgs().command()
    other = RouterArgs()
    other.worker_urls.append("http://b:1")
    assert RouterArgs().worker_urls == []


def test_arguments_come_from_dictionaries_and_parsers() -> None:
    args = RouterArgs.from_dict({"policy": "random", "eviction_interval": 9, "no_such_thing": 1})
    assert args.policy == "random" and args.eviction_interval_secs == 9
    with pytest.raises(TypeError, match="no_such_thing"):
        RouterArgs(no_such_thing=1)
    parser = argparse.ArgumentParser()
    RouterArgs.add_cli_args(parser, use_router_prefix=True, exclude_host_port=True)
    namespace = parser.parse_args(["--router-policy", "random", "--router-queue-size", "5"])
    args = RouterArgs.from_cli_args(namespace, use_router_prefix=True)
    assert args.policy == "random" and args.queue_size == 5
    assert repr(args) == "RouterArgs(policy='random', queue_size=5)"


def test_the_constructor_has_defaults_of_its_own() -> None:
    router = Router(worker_urls=["http://a:1"])
    assert router.args.port == 3001 and router.args.policy is PolicyType.RoundRobin
    assert value_of(router.args.command(), "--policy") == ["round_robin"]
    with pytest.raises(ValueError, match="prefill/decode"):
        Router(worker_urls=[], pd_disaggregation=True)
    found = Router(service_discovery=True, selector={"app": "sglang-worker", "role": "inference"})
    assert value_of(found.args.command(), "--selector") == ["app=sglang-worker", "role=inference"]
    assert Router.from_args(RouterArgs(port=5)).args.port == 5


def test_the_constructor_has_the_order_and_the_defaults_of_the_original() -> None:
    args = Router(["http://a:1"], "random", "0.0.0.0", 4000, 77, 5, 0.25, 3, 1.5, 9, 1000, 2000, True).args
    assert (args.policy, args.host, args.port, args.worker_startup_timeout_secs) == ("random", "0.0.0.0", 4000, 77)
    assert (args.worker_startup_check_interval, args.cache_threshold, args.balance_abs_threshold) == (5, 0.25, 3)
    assert (args.balance_rel_threshold, args.eviction_interval_secs, args.max_tree_size) == (1.5, 9, 1000)
    assert (args.max_payload_size, args.verbose) == (2000, True)
    args = Router().args
    assert (args.worker_startup_timeout_secs, args.worker_startup_check_interval, args.cache_threshold) == (300, 10, 0.5)
    assert (args.balance_abs_threshold, args.balance_rel_threshold, args.eviction_interval_secs) == (32, 1.0001, 60)
    assert (args.max_tree_size, args.max_payload_size, args.verbose, args.log_dir) == (2**24, 4 * 2**20, False, None)
    assert (args.service_discovery, args.service_discovery_port, args.prometheus_port) == (False, 80, 29000)
    assert args.prometheus_host == "127.0.0.1" and args.service_discovery_namespace is None


def test_the_native_module_of_the_original_can_be_imported() -> None:
    import sglang_router
    import sglang_router_rs

    assert sglang_router_rs.PolicyType is PolicyType and sglang_router_rs.Router is Router
    assert isinstance(sglang_router.__version__, str)


def test_what_this_router_does_anyway_may_be_asked_for() -> None:
    assert "--backend" not in parse_router_args(["--backend", "sglang", "--history-backend", "none"]).command()
    for words in (["--backend", "openai"], ["--history-backend", "memory"]):
        with pytest.raises(ValueError, match="does not have"):
            parse_router_args(words).command()


def test_flags_that_only_the_native_program_has_are_passed_on() -> None:
    assert parse_router_args(["--access-log", "full"]).command()[-2:] == ["--access-log", "full"]
    with pytest.raises(SystemExit):
        parse_router_args(["http://a:1"])


def test_no_flag_for_the_router_goes_to_the_servers() -> None:
    from sglang_router.launch_server import parse

    given, rest = parse(["--dp", "4", "--tp", "2", "--model-path", "m"])
    assert (given.dp_size, given.tp_size, rest) == (4, 2, ["--model-path", "m"])
    for words in (["--router-no-such-thing", "1"], ["--router-p", "1"]):
        with pytest.raises(SystemExit):
            parse(words)
    given, rest = parse(["--router-polic", "random", "--router-cache-thresh=0.25", "--model", "m"])
    assert (given.router_policy, given.router_cache_threshold, rest) == ("random", 0.25, ["--model", "m"])


# The documented flags of the original: those of its first versions, then what came later.
FIRST = """host port worker-urls policy worker-startup-timeout-secs worker-startup-check-interval cache-threshold
    balance-abs-threshold balance-rel-threshold eviction-interval max-tree-size max-payload-size verbose log-dir
    service-discovery selector service-discovery-port service-discovery-namespace prometheus-port prometheus-host
    pd-disaggregated pd-disaggregation prefill decode log-level prefill-selector decode-selector"""
LATER = """prefill-policy decode-policy eviction-interval-secs bucket-adjust-interval-secs max-idle-secs assignment-mode dp-aware
    enable-igw mini-lb prometheus-duration-buckets request-id-headers request-timeout-secs shutdown-grace-period-secs
    cors-allowed-origins max-concurrent-requests queue-size queue-timeout-secs rate-limit-tokens-per-second retry-max-retries
    retry-initial-backoff-ms retry-max-backoff-ms retry-backoff-multiplier retry-jitter-factor disable-retries
    cb-failure-threshold cb-success-threshold cb-timeout-duration-secs cb-window-duration-secs disable-circuit-breaker
    health-failure-threshold health-success-threshold health-check-timeout-secs health-check-interval-secs
    health-check-endpoint disable-health-check model-path tokenizer-path chat-template tokenizer-cache-enable-l0
    tokenizer-cache-l0-max-entries tokenizer-cache-enable-l1 tokenizer-cache-l1-max-memory reasoning-parser tool-call-parser
    mcp-config-path backend history-backend oracle-wallet-path oracle-username oracle-password postgres-db-url
    postgres-pool-max redis-url redis-pool-max redis-retention-days client-cert-path client-key-path ca-cert-paths
    tls-cert-path tls-key-path enable-trace otlp-traces-endpoint api-key control-plane-api-keys control-plane-audit-enabled
    jwt-issuer jwt-audience jwt-jwks-uri jwt-role-mapping"""


@pytest.mark.parametrize("prefix", ["", "router-"])
@pytest.mark.parametrize("name", (FIRST + " " + LATER).split())
def test_every_flag_of_the_original_is_known_by_its_whole_name(name: str, prefix: str) -> None:
    """Also in launch_server, whose parser takes no abbreviations: a flag that is not known would go to the servers."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    RouterArgs.add_cli_args(parser, use_router_prefix=bool(prefix))
    own = "" if name in ("host", "port", "worker-urls") else prefix
    [flag] = [flag for flag in FLAGS if name in (flag.name, *flag.other_names)]
    value = [] if flag.kind == "flag" else [flag.choices[0] if flag.choices else "1"]
    namespace, rest = parser.parse_known_args([f"--{own}{name}", *value])
    assert rest == []
    args = RouterArgs.from_cli_args(namespace, use_router_prefix=bool(prefix))
    assert getattr(args, flag.field) not in (None, False, [])
    if flag.native is None and value != [str(flag.default)]:
        with pytest.raises(ValueError, match=re.escape(flag.feature)):
            args.command()


@pytest.mark.parametrize(("words", "field", "value"), [
    (["--work", "http://a:1"], None, None),
    (["--worker-u", "http://a:1"], "worker_urls", ["http://a:1"]),
    (["--max-tree", "7"], "max_tree_size", 7),
    (["--verb"], "verbose", True),
    (["--eviction", "9"], "eviction_interval_secs", 9),
])
def test_abbreviations_are_taken_where_they_are_clear(words: list[str], field: str | None, value: object) -> None:
    if field is None:
        with pytest.raises(SystemExit) as ended:
            parse_router_args(words)
        assert ended.value.code == 2
    else:
        assert getattr(parse_router_args(words), field) == value


PYTHON_39 = next((path for path in [shutil.which("python3.9") or "", *map(str, Path.home().glob(".pyenv/versions/3.9.*/bin/python"))]
                  if path and subprocess.run([path, "-c", ""], check=False).returncode == 0), None)
PACKAGES = PROJECT / "python"


def test_the_package_needs_no_more_than_python_3_9() -> None:
    checked = subprocess.run([Path(sys.executable).with_name("vermin"), "--target=3.9-", "--violations", "--eval-annotations", "--no-tips",
                              PACKAGES / "src", PACKAGES / "hatch_build.py"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.skipif(PYTHON_39 is None, reason="there is no Python 3.9 on this machine")
def test_the_package_runs_on_python_3_9() -> None:
    code = ("import sglang_router.launch_server as server, sglang_router.launch_router as router, typing, signalbox.startup\n"
            "for member in (server.parse, server.run, server.Kept.wait, router.launch_router, signalbox.startup.Startup.is_over):\n"
            "    typing.get_type_hints(member)\n"
            "print(router.parse_router_args(['--policy', 'random']).command()[5])")
    ran = subprocess.run([PYTHON_39, "-c", code], capture_output=True, text=True, check=False,
                         env={"PYTHONPATH": str(PACKAGES / "src"), "PYTHONDONTWRITEBYTECODE": "1"})
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "random"
