"""The arguments of a router, from a dictionary, from a command line, and as the arguments of the native program."""

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Union

from signalbox.flags import FLAGS, Flag, UnsupportedFeature

_BY_FIELD: Dict[str, Flag] = {flag.field: flag for flag in FLAGS}
_OTHER_FIELDS = {name.replace("-", "_"): flag.field for flag in FLAGS for name in flag.other_names}


if TYPE_CHECKING:

    class _Fields:
        # The attributes come from the table.
        def __init__(self, **values: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

else:
    # A dataclass, as in the original, for who asks for its fields, a dictionary, or a changed copy.
    _Fields = dataclasses.make_dataclass("_Fields", [
        (flag.field, Any, dataclasses.field(default_factory=list) if flag.kind == "list" else flag.default) for flag in FLAGS
    ] + [
        # Further arguments of `signalbox launch`, which are not the original's.
        ("native_arguments", List[str], dataclasses.field(default_factory=list)),
    ], repr=False)


class RouterArgs(_Fields):
    """One attribute for each flag of `launch_router`, with the command line's defaults.

    >>> RouterArgs(worker_urls=["http://gpu1:8000"], policy="round_robin").port
    30000
    """

    def __init__(self, **values: Any) -> None:
        known = {_OTHER_FIELDS.get(name, name): value for name, value in values.items()}
        for name in known:
            if name not in _BY_FIELD and name != "native_arguments":
                raise TypeError(f"RouterArgs has no argument '{name}'.")
        known["native_arguments"] = list(known.get("native_arguments") or [])
        super().__init__(**known)

    def __repr__(self) -> str:
        changed = {name: value for name, value in vars(self).items() if value != getattr(_STANDARD, name)}
        return f"RouterArgs({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RouterArgs":
        """From a dictionary; keys that are no arguments are ignored, as the original does."""
        known = {_OTHER_FIELDS.get(name, name): value for name, value in values.items()}
        return cls(**{name: value for name, value in known.items() if name in _BY_FIELD or name == "native_arguments"})

    @classmethod
    def from_cli_args(cls, namespace: argparse.Namespace, use_router_prefix: bool = False) -> "RouterArgs":
        """From what a parser of :meth:`add_cli_args` has read."""
        prefix = "router_" if use_router_prefix else ""
        values: Dict[str, Any] = {}
        for flag in FLAGS:
            # In launch_server these are named without the prefix.
            name = flag.field if flag.name in ("host", "port", "worker-urls") else prefix + flag.field
            if getattr(namespace, name, None) is not None:
                values[flag.field] = getattr(namespace, name)
        for name in ("selector", "prefill_selector", "decode_selector"):
            if isinstance(values.get(name), list):
                values[name] = _labels(values[name])
        return cls(**values)

    @staticmethod
    def add_cli_args(
        parser: argparse.ArgumentParser,
        use_router_prefix: bool = False,
        exclude_host_port: bool = False,
    ) -> None:
        """Adds every flag to a parser; with the prefix as `--router-policy`."""
        prefix = "router-" if use_router_prefix else ""
        for flag in FLAGS:
            if flag.name in ("host", "port") and exclude_host_port:
                continue
            own = "" if flag.name in ("host", "port", "worker-urls") else prefix
            # What abbreviates the name is taken anyway, and as a name of its own would make shorter ones ambiguous.
            others = [name for name in flag.other_names if not (parser.allow_abbrev and flag.name.startswith(name))]
            names = [f"--{own}{name}" for name in (flag.name, *others)]
            options: Dict[str, Any] = {
                "dest": f"{own}{flag.name}".replace("-", "_"), "default": None, "help": flag.help.replace("%", "%%"),
            }
            if flag.kind == "flag":
                options["action"] = "store_true"
            elif flag.kind == "list":
                options["nargs"] = "*"
            elif flag.kind != "text":
                options["type"] = flag.kind
            if flag.choices:
                options["choices"] = flag.choices
            parser.add_argument(*names, **options)

    def check(self) -> None:
        """Raises UnsupportedFeature when something is asked for that this router does not have."""
        for flag in FLAGS:
            value = getattr(self, flag.field)
            if flag.native is None and value and value != flag.default and value not in flag.harmless:
                raise UnsupportedFeature(f"--{flag.name}: this router does not have {flag.feature} yet.")

    def command(self) -> List[str]:
        """The arguments of `signalbox launch` that mean the same.

        What equals the native program's own default, or was not given, is left out.
        """
        self.check()
        arguments: List[str] = []
        for flag in FLAGS:
            value = getattr(self, flag.field)
            if flag.native is None or value is None or value is False or value in ([], {}):
                continue
            arguments.append(f"--{flag.native}")
            if isinstance(value, dict):
                arguments += [f"{key}={item}" for key, item in value.items()]
            elif isinstance(value, (list, tuple)):
                arguments += [str(item) for item in value]
            elif value is not True:
                arguments.append(_text(value))
        return [*arguments, *self.native_arguments]


def _labels(items: List[str]) -> Union[Dict[str, str], List[str]]:
    """A dictionary as in the original, where every item says no more than a key and its value."""
    parts = [item.split("=") for item in items]
    if all(len(part) == 2 and not part[0].endswith("!") and "," not in part[1] for part in parts):
        return {key: value for key, value in parts}
    return items


def _text(value: Union[str, int, float]) -> str:
    return str(getattr(value, "value", value))


_STANDARD = RouterArgs()
