"""The arguments of a router, from a dictionary, from a command line, and as the arguments of the native program."""

import argparse
from typing import Any, Dict, List, Mapping, Optional, Union

from signalbox.flags import FLAGS, Flag, UnsupportedFeature

_BY_FIELD: Dict[str, Flag] = {flag.field: flag for flag in FLAGS}
_OTHER_FIELDS = {name.replace("-", "_"): flag.field for flag in FLAGS for name in flag.other_names}


class RouterArgs:
    """One attribute for each flag of `launch_router`, with the command line's defaults.

    >>> RouterArgs(worker_urls=["http://gpu1:8000"], policy="round_robin").port
    30000
    """

    def __init__(self, **values: Any) -> None:
        for flag in FLAGS:
            setattr(self, flag.field, [] if flag.kind == "list" and flag.default is None else flag.default)
        for name, value in values.items():
            field = _OTHER_FIELDS.get(name, name)
            if field not in _BY_FIELD:
                raise TypeError(f"RouterArgs has no argument '{name}'.")
            setattr(self, field, value)

    def __repr__(self) -> str:
        changed = {name: value for name, value in vars(self).items() if value != getattr(_STANDARD, name)}
        return f"RouterArgs({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RouterArgs) and vars(self) == vars(other)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RouterArgs":
        """From a dictionary; keys that are no arguments are ignored, as the original does."""
        known = {_OTHER_FIELDS.get(name, name): value for name, value in values.items()}
        return cls(**{name: value for name, value in known.items() if name in _BY_FIELD})

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
        if isinstance(values.get("selector"), list):
            values["selector"] = dict(item.split("=", 1) for item in values["selector"] if "=" in item)
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
            names = [f"--{own}{name}" for name in (flag.name, *flag.other_names)]
            options: Dict[str, Any] = {
                "dest": f"{own}{flag.name}".replace("-", "_"), "default": None, "help": flag.meaning,
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
            if flag.native is None and value and value != flag.default:
                raise UnsupportedFeature(f"--{flag.name}: this router does not have {flag.feature} yet.")

    def command(self) -> List[str]:
        """The arguments of `signalbox launch` that mean the same.

        What equals the native program's own default, or was not given, is left out.
        """
        self.check()
        arguments: List[str] = []
        for flag in FLAGS:
            value = getattr(self, flag.field)
            if flag.native is None or value is None or value is False or value == []:
                continue
            arguments.append(f"--{flag.native}")
            if isinstance(value, (list, tuple)):
                arguments += [str(item) for item in value]
            elif value is not True:
                arguments.append(_text(value))
        return arguments


def _text(value: Union[str, int, float]) -> str:
    return str(getattr(value, "value", value))


_STANDARD = RouterArgs()
