"""Which settings of an interrupted training may change when it is resumed."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Tuple

from thinc.api import Config

from ..errors import Errors

# Settings that may change: the length of the training, its learning rate and logger, and paths.
_FREE_PREFIXES = (
    "paths.",
    "initialize.",
    "training.logger",
    "training.optimizer.learn_rate",
    "training.before_to_disk",
)
_FREE_KEYS = ("training.max_steps", "training.max_epochs", "training.patience")


def changed_settings(given: Config, saved: Config, path: object) -> Dict[str, Any]:
    """Compare the config of an interrupted training with the config for its resumption.

    given (Config): The config for the resumption.
    saved (Config): The saved config, with defaults filled in.
    path (object): The saved state, for the message.
    RETURNS (Dict[str, Any]): Changed settings that may change, as overrides.
    RAISES (ValueError): ML254 if other settings changed.
    """
    sourced = tuple(f"components.{name}." for name, block in given.get("components", {}).items() if "source" in block)
    before, now = (dict(_flat(Config(config).interpolate())) for config in (saved, given))
    different = {key: value for key, value in now.items() if before.get(key) != value and not key.startswith(sourced)}
    free = {key: value for key, value in different.items() if key.startswith(_FREE_PREFIXES) or key in _FREE_KEYS}
    # Other sections may refer to [paths]: such a change is allowed, too.
    others = [key for key in different if key not in free and not key.endswith(".path")]
    if others:
        raise ValueError(Errors.ML254.format(path=path, keys=", ".join(sorted(others))))
    return {key: value for key, value in different.items() if not key.startswith("initialize.")}


def _flat(block: Dict[str, Any], prefix: str = "") -> Iterator[Tuple[str, Any]]:
    for key, value in block.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
