"""The pages on components and registered functions, from their docstrings and default configs."""

from __future__ import annotations

import importlib
import inspect
import json
from configparser import ConfigParser
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping

from spacy.language import Language

from .docstrings import Docstring, parse, parse_function, table, to_markdown

ROOT = Path(__file__).resolve().parents[2]
_PREFIX = "spacy-mluke."
# Entry points of setup.cfg: what a config calls the registry, and the title of its functions.
REGISTRIES = {
    "spacy_architectures": ("@architectures", "Architectures"),
    "spacy_misc": ("@misc", "Suggesters and candidate sources"),
    "spacy_readers": ("@readers", "Corpus readers"),
    "spacy_batchers": ("@batchers", "Batchers"),
    "spacy_augmenters": ("@augmenters", "Augmenters"),
    "spacy_tokenizers": ("@tokenizers", "Tokenizers"),
    "thinc_optimizers": ("@optimizers", "Optimizers"),
    "spacy_scorers": ("@scorers", "Scorers"),
    "spacy_loggers": ("@loggers", "Loggers"),
}
# Methods beyond those that every component of spaCy has.
METHODS = {
    "mluke_cloze": ("fill", "add_entities"),
    "mluke_linker": ("set_store", "set_kb"),
    "mluke_mentions": ("set_candidates",),
    "mluke_ner": ("learn_pruning", "learn_known_names"),
    "mluke_qa": ("answer",),
}


def render_components() -> str:
    """Describe each component: what it assigns, its options and its methods.

    RETURNS (str): Markdown.
    """
    return "\n\n".join(_component(name, _load(path)) for name, path in read_entry_points("spacy_factories").items())


def render_functions() -> str:
    """Describe each registered function: its arguments and their defaults.

    RETURNS (str): Markdown.
    """
    parts = []
    for group, (key, title) in REGISTRIES.items():
        parts.append(f"## {title}\n\nIn a config: `{key}`.")
        parts += [_function(name, _load(path)) for name, path in read_entry_points(group).items()]
    return "\n\n".join(parts)


def read_entry_points(group: str) -> Dict[str, str]:
    """Return the entry points of a group in setup.cfg.

    group (str): For instance "spacy_factories".
    RETURNS (Dict[str, str]): The path of the function of each name, sorted by name.
    """
    config = ConfigParser(delimiters="=")
    config.optionxform = str  # type: ignore[assignment, method-assign]
    config.read(ROOT / "setup.cfg", encoding="utf8")
    lines = config["options.entry_points"][group].strip().split("\n")
    pairs = [line.split(" = ") for line in lines]
    return dict(sorted((name.strip(), path.strip()) for name, path in pairs))


def _load(path: str) -> Callable:
    module, name = path.split(":")
    return getattr(importlib.import_module(module), name)


def _component(name: str, factory: Callable) -> str:
    meta = Language.get_factory_meta(name)
    component = _class_of(factory)
    described = parse(component.__doc__)
    rows = []
    for option, default in (meta.default_config or {}).items():
        if option not in described.arguments:
            raise ValueError(f"The docstring of {component.__name__} does not describe '{option}'")
        entry = described.arguments[option]
        rows.append((f"`{option}`", f"`{entry.type}`", _default(default), to_markdown(entry.text)))
    parts = [f"## {name}", to_markdown(described.text)]
    if meta.assigns:
        parts.append("Assigns: " + ", ".join(f"`{attribute}`" for attribute in meta.assigns) + ".")
    parts.append(table(("option", "type", "default", "description"), rows))
    parts += [_method(name, getattr(component, method)) for method in METHODS.get(name, ())]
    return "\n\n".join(parts)


def _class_of(factory: Callable) -> Any:
    module = importlib.import_module(factory.__module__.removesuffix(".factory") + ".component")
    return getattr(module, inspect.signature(factory).return_annotation.strip("'\""))


def _method(component: str, method: Callable) -> str:
    described = parse_function(method)
    parameters = [it for it in inspect.signature(method).parameters.values() if it.name != "self"]
    title = f"### {component}.{method.__name__}"
    return "\n\n".join(
        part for part in (title, to_markdown(described.text), *_arguments(described, parameters, _in_python)) if part
    )


def _arguments(described: Docstring, parameters: Iterable[inspect.Parameter], show: Callable[[Any], str]) -> List[str]:
    rows = []
    for parameter in parameters:
        entry = described.arguments[parameter.name]
        has_default = parameter.default is not inspect.Parameter.empty
        default = show(parameter.default) if has_default else "required"
        rows.append((f"`{entry.name}`", f"`{entry.type}`", default, to_markdown(entry.text)))
    results = [f"**Returns** `{entry.type}`: {to_markdown(entry.text)}" for entry in described.results]
    errors = [f"**Raises** `{entry.type}`: {to_markdown(entry.text)}" for entry in described.errors]
    return [table(("argument", "type", "default", "description"), rows), *results, *errors]


def _function(name: str, function: Callable) -> str:
    described = parse_function(function)
    text = described.text.replace(f" Registered as `{name}`.", "")
    parameters = inspect.signature(function).parameters.values()
    title = f'### {name} {{ id="{anchor_of(name)}" }}'
    parts = (title, to_markdown(text), *_arguments(described, parameters, _default))
    return "\n\n".join(part for part in parts if part)


def anchor_of(name: str) -> str:
    """Return the anchor of a registered function in its page: its name without the prefix."""
    return name.removeprefix(_PREFIX)


def _default(value: Any) -> str:
    if not isinstance(value, Mapping):
        return f"`{_plain(value)}`"
    function = next((str(found) for key, found in value.items() if key.startswith("@")), None)
    if function is None:
        return f"`{_plain(value)}`"
    if function == "spacy-mluke.Encoder.v1":
        return _link(function)  # with its defaults
    inner = [f"`{key}` = {_default(found)}" for key, found in value.items() if not key.startswith("@")]
    return _link(function) + (f" with {', '.join(inner)}" if inner else "")


def _in_python(value: Any) -> str:
    return f"`{value!r}`"


def _link(function: str) -> str:
    return (
        f"[`{function}`](architectures.md#{anchor_of(function)})" if function.startswith(_PREFIX) else f"`{function}`"
    )


def _plain(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
