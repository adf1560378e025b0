"""Every flag of the original router, what becomes of it, and those that are new: one table."""

from dataclasses import dataclass
from typing import Any, Optional, Sequence


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
    metavar: Optional[Any] = None
    # Values of a feature that is not there, which ask for what this router does anyway.
    harmless: Sequence[str] = ()

    @property
    def field(self) -> str:
        """The name of the attribute."""
        return self.name.replace("-", "_")


POLICIES = (
    "random", "round_robin", "cache_aware", "power_of_two", "bucket", "manual", "consistent_hashing", "prefix_hash",
    "least_load", "kv_cost",
)


def acts(name: str, kind: Any, default: Any, meaning: str, native: Optional[str] = None, **more: Any) -> Flag:
    return Flag(name, kind, default, native or name, meaning=meaning, **more)


def lacks(name: str, feature: str, kind: Any = "text", default: Any = None, **more: Any) -> Flag:
    return Flag(name, kind, default, feature=feature, meaning=f"not available: {feature}", **more)


PREFILL_DECODE = "prefill/decode disaggregation"
TLS = "TLS"
KEYS = "authentication by API keys or tokens"
GRPC = "workers over gRPC, and what parses tokens"
HISTORY = "history of conversations"
TRACES = "OpenTelemetry traces"

FLAGS: Sequence[Flag] = (
    acts("host", "text", "127.0.0.1", "where clients are served"),
    acts("port", int, 30000, "and on which port"),
    acts("worker-urls", "list", None, "workers to begin with"),
    acts("policy", "text", "cache_aware", "how a worker is picked", choices=POLICIES),
    acts("worker-startup-timeout-secs", int, 300, "how long a worker may take to become healthy"),
    acts("worker-startup-check-interval", int, 10, "longest time between two probes until then, in seconds"),
    acts("cache-threshold", float, 0.5, "cache_aware: a match must be more than this share of the text"),
    acts("balance-abs-threshold", int, 32, "cache_aware: out of balance when loads differ by more than this"),
    acts("balance-rel-threshold", float, 1.0001, "and by more than this factor"),
    acts("eviction-interval-secs", int, 60, "cache_aware: how often the tree is cut", other_names=("eviction-interval",)),
    acts("max-tree-size", int, 2**24, "cache_aware: characters for each worker"),
    acts("max-payload-size", int, 256 * 2**20, "largest request body in bytes"),
    acts("bucket-adjust-interval-secs", int, None, "bucket: how often the lengths are cut anew"),
    acts("max-idle-secs", int, None, "manual: an unused key is forgotten"),
    acts("assignment-mode", "text", None, "manual: where a new key goes", choices=("random", "min_load", "min_group")),
    acts("verbose", "flag", False, "log debug messages"),
    acts("log-level", "text", None, "lowest level that is logged", choices=("debug", "info", "warn", "warning", "error", "critical")),
    acts("prometheus-port", int, 29000, "where metrics are served"),
    acts("prometheus-host", "text", "127.0.0.1", "and at which address"),
    acts("request-timeout-secs", int, None, "how long a request may take in all"),
    acts("shutdown-delay-secs", int, None, "how long it serves on at the end while /readiness says no"),
    acts("shutdown-grace-period-secs", int, None, "how long requests may go on then"),
    acts("max-concurrent-requests", int, None, "most requests at workers at one time; -1: no limit"),
    acts("queue-size", int, None, "most requests that wait"),
    acts("queue-timeout-secs", int, None, "and how long"),
    acts("rate-limit-tokens-per-second", int, None, "requests begun in a second"),
    acts("retry-max-retries", int, None, "most attempts for one request"),
    acts("retry-initial-backoff-ms", int, None, "wait before the second one"),
    acts("retry-max-backoff-ms", int, None, "longest wait"),
    acts("retry-backoff-multiplier", float, None, "how much longer each wait is"),
    acts("retry-jitter-factor", float, None, "share of a wait that is random"),
    acts("disable-retries", "flag", False, "make one attempt"),
    acts("cb-failure-threshold", int, None, "failures in a row that take a worker out"),
    acts("cb-success-threshold", int, None, "successes in a row that bring it back"),
    acts("cb-timeout-duration-secs", int, None, "longest time until it is tried again"),
    acts("cb-window-duration-secs", int, None, "failures further apart are not in a row"),
    acts("disable-circuit-breaker", "flag", False, "take no worker out because of failed requests"),
    acts("health-failure-threshold", int, None, "probes in a row that take a worker out"),
    acts("health-success-threshold", int, None, "and bring it back"),
    acts("health-check-timeout-secs", int, None, "how long a probe may take"),
    acts("health-check-interval-secs", int, None, "time between two probes"),
    acts("health-check-endpoint", "text", None, "the path that is probed"),
    acts("disable-health-check", "flag", False, "count workers as ready without probing them"),
    acts("request-id-headers", "list", None, "header fields that may carry a request's id"),
    acts("log-dir", "text", None, "folder for log files by day"),
    acts("admin-host", "text", None, "where the admin API is served"),
    acts("admin-port", int, None, "and on which port; a second router on a host needs its own"),
    acts("data-planes", int, None, "how many processes serve clients"),
    acts("database", "text", None, "file that keeps workers, policies, settings and the audit"),
    acts("runtime-dir", "text", None, "folder for the sockets of this router"),
    acts("service-discovery", "flag", False, "make workers of pods of Kubernetes"),
    acts("selector", "list", None, "labels of the pods that are workers, as key=value"),
    acts("service-discovery-port", int, 80, "where a worker listens whose pod names no port"),
    acts("service-discovery-namespace", "text", None, "where pods are looked for; everywhere when missing"),
    acts("kubeconfig", "text", None, "how to reach the API server from outside of pods"),
    acts("prefill-selector", "list", None, "labels of pods that are prefill workers"),
    acts("decode-selector", "list", None, "labels of pods that are decode workers"),
    lacks("pd-disaggregation", PREFILL_DECODE, "flag", False, other_names=("pd-disaggregated",)),
    lacks("prefill", PREFILL_DECODE, "list"),
    lacks("decode", PREFILL_DECODE, "list"),
    lacks("prefill-policy", PREFILL_DECODE),
    lacks("decode-policy", PREFILL_DECODE),
    lacks("mini-lb", PREFILL_DECODE, "flag", False),
    lacks("dp-aware", "routing to the ranks within a worker", "flag", False),
    lacks("enable-igw", "several routers in one process", "flag", False),
    acts("prometheus-duration-buckets", "list", None, "bounds of the buckets of durations, in seconds"),
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
