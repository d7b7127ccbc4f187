"""The options of a component: checked when it is made, saved with it, overridden by the config when it is loaded."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, ClassVar, Dict, FrozenSet, Iterable, List, Mapping, Optional, Sequence, Tuple

import srsly

from ...errors import Errors, Warnings

_CONFIGURED = "config"


class Options:
    """Base of components: holds their options and state in `cfg`.

    `cfg` contains options, which the config sets, and state, which training determines (labels, for instance). Both are
    saved, together with the option values of the config. When a component is loaded, state and options come from the
    file. If the config now sets another value than it did when the component was saved, the config's value is used
    instead. So `spacy.load(path, config={"components.NAME.threshold": 0.5})` takes effect, and values that a program
    changed in `cfg` are kept.

    name (str): The component's name.
    cfg (Dict[str, Any]): Options and state.
    """

    name: str
    cfg: Dict[str, Any]
    # Options that name something that training fixes: they cannot be overridden afterwards.
    fixed_options: Sequence[str] = ()
    # Options and state that were renamed: old name -> new name. Saved files may have the old names.
    renamed_options: ClassVar[Mapping[str, str]] = {}
    # Option values of the config: of this component, and of components whose bytes were loaded.
    _configured: List[Dict[str, Any]]
    # Options whose saved values the config has replaced.
    overridden: FrozenSet[str] = frozenset()

    def set_options(self, options: Mapping[str, Any], state: Optional[Mapping[str, Any]] = None) -> None:
        """Set options and state of a new component.

        options (Mapping[str, Any]): Options, as set in the config.
        state (Optional[Mapping[str, Any]]): State before training.
        RAISES (ValueError): ML070, ML071, ML310 for a value that is not allowed.
        """
        self.check_options(options)
        self.cfg = {**(state or {}), **options}
        self._configured = [dict(options)]

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Check the values of options.

        options (Mapping[str, Any]): Options by name.
        RAISES (ValueError): ML070, ML071, ML310 for a value that is not allowed.
        """

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Check the state that was read from a file.

        state (Mapping[str, Any]): The content of `cfg`.
        RAISES (ValueError): ML316 for a value that is not allowed.
        """

    def cfg_to_disk(self, path: Path) -> None:
        """Write options and state to a file.

        path (Path): The JSON file.
        """
        path.write_bytes(self.cfg_to_bytes())

    def cfg_to_bytes(self) -> bytes:
        """Return options, state and the option values of the config as JSON."""
        return srsly.json_dumps({**self.cfg, _CONFIGURED: self._configured}).encode("utf8")

    def cfg_from_disk(self, path: Path) -> None:
        """Read options and state from a file. Options that the config has changed since then keep the config's value.

        path (Path): The JSON file.
        RAISES (ValueError): ML316 for a file that cannot be read; ML317 for an option that cannot change.
        """
        # spaCy accepts a component without a file.
        if path.exists():
            saved, before = self._read(path.read_bytes())
            own = srsly.json_loads(srsly.json_dumps(self._configured[0]))
            changed = [option for option in own if option in saved and saved[option] != own[option]]
            self.overridden = frozenset()
            if before:
                overridden = [option for option in changed if all(found.get(option) != own[option] for found in before)]
                self._check_fixed(overridden, saved)
                for option in overridden:
                    del saved[option]
                self.overridden = frozenset(overridden)
            self._take(saved)
            if not before:
                # Saved by version 0.1.0, which did not save the option values of the config.
                self._warn_of_saved(changed, saved)

    def cfg_from_bytes(self, data: bytes) -> None:
        """Read options and state from bytes. Here the config overrides nothing.

        data (bytes): Bytes as returned by `cfg_to_bytes`.
        RAISES (ValueError): ML316 for bytes that cannot be read.
        """
        saved, before = self._read(data)
        self._take(saved)
        # A pipeline's bytes contain its config; a component that is loaded alone keeps its own.
        self._configured += [found for found in before if found not in self._configured]

    def _read(self, data: bytes) -> Tuple[Dict[str, Any], List[Dict[str, Any]]]:
        """Parse saved options and state, and the saved option values of the config, if any."""
        try:
            saved = srsly.json_loads(data)
        except (ValueError, RecursionError) as error:
            raise ValueError(Errors.ML316.format(name=self.name, reason=error)) from error
        if not isinstance(saved, dict):
            raise ValueError(Errors.ML316.format(name=self.name, reason="they are not a JSON object"))
        before = saved.pop(_CONFIGURED, [])
        if not isinstance(before, list) or not all(isinstance(found, dict) for found in before):
            raise ValueError(Errors.ML316.format(name=self.name, reason=f"'{_CONFIGURED}' is not a list of options"))
        saved, before = self._renamed(saved), [self._renamed(found) for found in before]
        self.check_state(saved)
        return saved, before

    def _renamed(self, values: Mapping[str, Any]) -> Dict[str, Any]:
        return {self.renamed_options.get(name, name): value for name, value in values.items()}

    def _take(self, saved: Mapping[str, Any]) -> None:
        self.check_options({option: saved.get(option, self.cfg[option]) for option in self._configured[0]})
        self.cfg.update(saved)

    def _warn_of_saved(self, options: List[str], saved: Mapping[str, Any]) -> None:
        if options:
            listed = ", ".join(f"{key} = {saved[key]!r} (config: {self._configured[0][key]!r})" for key in options)
            warnings.warn(Warnings.ML111.format(name=self.name, options=listed), stacklevel=4)

    def _check_fixed(self, overridden: Iterable[str], saved: Mapping[str, Any]) -> None:
        labels = saved.get("classes")
        for option in overridden:
            if labels and option in self.fixed_options:
                value, hint = self._configured[0][option], f" It was '{saved[option]}' when the pipeline was saved."
                text = Errors.ML317.format(
                    option=option, name=self.name, value=value, labels=", ".join(labels), hint=hint
                )
                raise ValueError(text)
