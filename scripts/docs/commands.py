"""The page on the command line, from the functions of the commands."""

from __future__ import annotations

import importlib
import inspect
import typing
from enum import Enum
from typing import Any, Callable, List

from typer.models import ArgumentInfo, OptionInfo

from spacy_mluke.cli._app import COMMANDS

from .docstrings import table, to_markdown


class Parameter(typing.NamedTuple):
    """An argument or an option of a command, as Typer reads it from the signature."""

    name: str
    type: Any
    info: Any  # ArgumentInfo or OptionInfo

    @property
    def is_required(self) -> bool:
        return self.info.default is ...


def render_commands() -> str:
    """Describe each command: its usage, arguments and options.

    RETURNS (str): Markdown.
    """
    parts: List[str] = []
    for name in COMMANDS:
        attribute = name.replace("-", "_")
        module = importlib.import_module(f"spacy_mluke.cli.{attribute}")
        subcommands = getattr(module, "SUBCOMMANDS", ())
        if subcommands:
            parts += [f"## {name}", to_markdown(inspect.cleandoc(getattr(module, attribute).__doc__))]
            for part in subcommands:
                parts += _command(part, f"{name} {part.__name__}", level=3)
        else:
            parts += _command(getattr(module, attribute), name, level=2)
    return "\n\n".join(part for part in parts if part)


def _command(function: Callable, name: str, *, level: int) -> List[str]:
    types = typing.get_type_hints(function)
    signature = inspect.signature(function).parameters.values()
    parameters = [Parameter(it.name, types[it.name], it.default) for it in signature if it.name in types]
    arguments = [it for it in parameters if isinstance(it.info, ArgumentInfo)]
    options = [it for it in parameters if isinstance(it.info, OptionInfo) and not it.info.hidden]
    usage = ["python -m spacy_mluke", name, *(["[OPTIONS]"] if options else []), *map(_usage, arguments)]
    return [
        f"{'#' * level} {name}",
        f"```bash\n{' '.join(usage)}\n```",
        to_markdown(inspect.cleandoc(function.__doc__ or "")),
        table(("argument", "description"), [(f"`{it.name.upper()}`", _help(it)) for it in arguments]),
        table(
            ("option", "type", "default", "description"),
            [(_names(it), _type(it), _default(it), _help(it)) for it in options],
        ),
    ]


def _usage(argument: Parameter) -> str:
    several = "..." if typing.get_origin(argument.type) is list else ""
    return (argument.name.upper() if argument.is_required else f"[{argument.name.upper()}]") + several


def _names(option: Parameter) -> str:
    names = option.info.param_decls or (f"--{option.name.replace('_', '-')}",)
    return ", ".join(f"`{name}`" for name in names)


def _type(option: Parameter) -> str:
    kinds = [kind for kind in (typing.get_args(option.type) or (option.type,)) if kind is not type(None)]
    several = typing.get_origin(option.type) is list
    if isinstance(kinds[0], type) and issubclass(kinds[0], Enum):
        return " or ".join(f"`{choice.value}`" for choice in kinds[0])
    words = {"bool": "flag", "int": "whole number", "float": "number", "str": "text", "Path": "path"}
    return words[kinds[0].__name__] + (", can be repeated" if several else "")


def _default(option: Parameter) -> str:
    default = option.info.default
    if option.is_required:
        return "required"
    if default is None or default is False or default in ((), []):
        return ""
    if default is True:
        return f"`{option.info.param_decls[0].partition('/')[0]}`"
    return f"`{getattr(default, 'value', default)}`"


def _help(parameter: Parameter) -> str:
    text = to_markdown(parameter.info.help or "")
    variable = f" Environment variable: `{parameter.info.envvar}`." if parameter.info.envvar else ""
    return (text if not text or text.endswith((".", ")")) else text + ".") + variable
