"""Every flag of the original router, what becomes of it, and those that are new: one table."""

import re
from dataclasses import dataclass
from typing import Any, Optional, Sequence

from signalbox.meanings import MEANINGS


class UnsupportedFeature(ValueError):
    """A flag asks for something that this router does not have."""


@dataclass(frozen=True)
class Flag:
    """One flag of `launch_router`.

    `native` is the flag of `signalbox launch` that acts for it; None: the router does not have the feature, which `feature`
    then names. `kind` is `text`, `list`, `flag`, or the type of a number.
    """

    name: str
    kind: Any = "text"
    default: Any = None
    native: Optional[str] = None
    feature: Optional[str] = None
    meaning: str = ""
    other_names: Sequence[str] = ()
    choices: Optional[Sequence[str]] = None
    # Values of a feature that is not there, which ask for what this router does anyway.
    harmless: Sequence[str] = ()

    @property
    def field(self) -> str:
        """The name of the attribute."""
        return self.name.replace("-", "_")

    @property
    def help(self) -> str:
        """What `--help` says; a default of this table stands for the native program's own."""
        if self.native is None or self.default in (None, False):
            return self.meaning
        meaning = re.sub(r" \((default: [^()]*|[0-9.]+)\)", "", self.meaning)
        return f"{meaning[:-1]} (default: {self.default})."


POLICIES = (
    "random", "round_robin", "cache_aware", "power_of_two", "bucket", "manual", "consistent_hashing", "prefix_hash",
    "least_load", "kv_cost",
)


def acts(name: str, kind: Any, default: Any, **more: Any) -> Flag:
    return Flag(name, kind, default, native=name, meaning=MEANINGS[name], **more)


def lacks(name: str, feature: str, kind: Any = "text", default: Any = None, **more: Any) -> Flag:
    return Flag(name, kind, default, feature=feature, meaning=f"not available: {feature}", **more)


PREFILL_DECODE = "prefill/decode disaggregation"
TLS = "TLS"
KEYS = "authentication by API keys or tokens"
GRPC = "workers over gRPC, and what parses tokens"
HISTORY = "history of conversations"
TRACES = "OpenTelemetry traces"

FLAGS: Sequence[Flag] = (
    acts("host", "text", "127.0.0.1"),
    acts("port", int, 30000),
    acts("worker-urls", "list", None),
    acts("policy", "text", "cache_aware", choices=POLICIES),
    acts("worker-startup-timeout-secs", int, 300),
    acts("worker-startup-check-interval", int, 10),
    acts("cache-threshold", float, 0.5),
    acts("balance-abs-threshold", int, 32),
    acts("balance-rel-threshold", float, 1.0001),
    acts("eviction-interval-secs", int, 60, other_names=("eviction-interval",)),
    acts("max-tree-size", int, 2**24),
    acts("max-payload-size", int, 256 * 2**20),
    acts("bucket-adjust-interval-secs", int, None),
    acts("max-idle-secs", int, None),
    acts("assignment-mode", "text", None, choices=("random", "min_load", "min_group")),
    acts("verbose", "flag", False),
    acts("log-level", "text", None, choices=("debug", "info", "warn", "warning", "error", "critical")),
    acts("prometheus-port", int, 29000),
    acts("prometheus-host", "text", "127.0.0.1"),
    acts("request-timeout-secs", int, None),
    acts("shutdown-delay-secs", int, None),
    acts("shutdown-grace-period-secs", int, None),
    acts("max-concurrent-requests", int, None),
    acts("queue-size", int, None),
    acts("queue-timeout-secs", int, None),
    acts("rate-limit-tokens-per-second", int, None),
    acts("retry-max-retries", int, None),
    acts("retry-initial-backoff-ms", int, None),
    acts("retry-max-backoff-ms", int, None),
    acts("retry-backoff-multiplier", float, None),
    acts("retry-jitter-factor", float, None),
    acts("disable-retries", "flag", False),
    acts("cb-failure-threshold", int, None),
    acts("cb-success-threshold", int, None),
    acts("cb-timeout-duration-secs", int, None),
    acts("cb-window-duration-secs", int, None),
    acts("disable-circuit-breaker", "flag", False),
    acts("health-failure-threshold", int, None),
    acts("health-success-threshold", int, None),
    acts("health-check-timeout-secs", int, None),
    acts("health-check-interval-secs", int, None),
    acts("health-check-endpoint", "text", None),
    acts("disable-health-check", "flag", False),
    acts("request-id-headers", "list", None),
    acts("log-dir", "text", None),
    acts("admin-host", "text", None),
    acts("admin-port", int, None),
    acts("data-planes", int, None),
    acts("database", "text", None),
    acts("runtime-dir", "text", None),
    acts("service-discovery", "flag", False),
    acts("selector", "list", None),
    acts("service-discovery-port", int, 80),
    acts("service-discovery-namespace", "text", None),
    acts("kubeconfig", "text", None),
    acts("prefill-selector", "list", None),
    acts("decode-selector", "list", None),
    lacks("pd-disaggregation", PREFILL_DECODE, "flag", False, other_names=("pd-disaggregated",)),
    lacks("prefill", PREFILL_DECODE, "list"),
    lacks("decode", PREFILL_DECODE, "list"),
    lacks("prefill-policy", PREFILL_DECODE),
    lacks("decode-policy", PREFILL_DECODE),
    lacks("mini-lb", PREFILL_DECODE, "flag", False),
    lacks("dp-aware", "routing to the ranks within a worker", "flag", False),
    lacks("enable-igw", "several routers in one process", "flag", False),
    acts("prometheus-duration-buckets", "list", None),
    lacks("cors-allowed-origins", "CORS", "list"),
    lacks("model-path", GRPC),
    lacks("tokenizer-path", GRPC),
    lacks("chat-template", GRPC),
    lacks("tokenizer-cache-enable-l0", GRPC, "flag", False),
    lacks("tokenizer-cache-l0-max-entries", GRPC, int, 10_000),
    lacks("tokenizer-cache-enable-l1", GRPC, "flag", False),
    lacks("tokenizer-cache-l1-max-memory", GRPC, int, 52_428_800),
    lacks("reasoning-parser", GRPC),
    lacks("tool-call-parser", GRPC),
    lacks("mcp-config-path", "tools over MCP"),
    lacks("backend", "other backends than SGLang's HTTP", choices=("openai", "sglang"), harmless=("sglang",)),
    lacks("history-backend", HISTORY, harmless=("none",)),
    lacks("oracle-wallet-path", HISTORY),
    lacks("oracle-tns-alias", HISTORY),
    lacks("oracle-connect-descriptor", HISTORY),
    lacks("oracle-username", HISTORY),
    lacks("oracle-password", HISTORY),
    lacks("oracle-pool-min", HISTORY, int, 1),
    lacks("oracle-pool-max", HISTORY, int, 16),
    lacks("oracle-pool-timeout-secs", HISTORY, int, 30),
    lacks("postgres-db-url", HISTORY),
    lacks("postgres-pool-max", HISTORY, int, 16),
    lacks("redis-url", HISTORY),
    lacks("redis-pool-max", HISTORY, int, 16),
    lacks("redis-retention-days", HISTORY, int, 30),
    lacks("client-cert-path", TLS),
    lacks("client-key-path", TLS),
    lacks("ca-cert-paths", TLS, "list"),
    lacks("tls-cert-path", TLS),
    lacks("tls-key-path", TLS),
    lacks("enable-trace", TRACES, "flag", False),
    lacks("otlp-traces-endpoint", TRACES),
    lacks("api-key", KEYS),
    lacks("control-plane-api-keys", KEYS, "list"),
    lacks("control-plane-audit-enabled", KEYS, "flag", False),
    lacks("jwt-issuer", KEYS),
    lacks("jwt-audience", KEYS),
    lacks("jwt-jwks-uri", KEYS),
    lacks("jwt-role-mapping", KEYS, "list"),
)
