"""A component's options: checked when it is made, saved with it, and overridden by the config when it is loaded."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import srsly

from ...errors import Errors, Warnings

MODEL = "model"
_CONFIGURED = "config"


class Options:
    """The part of a component that holds its options (`cfg`).

    `cfg` holds options, which the config sets, and state, which training determines (labels, for instance). Both are
    saved, and beside them what the config had set. When a component is loaded, state comes from the file, and so does
    an option, unless the config now sets another value than it did when the component was saved: then that value
    holds. So `spacy.load(path, config={"components.NAME.threshold": 0.5})` takes effect, and what a program has
    changed in `cfg` is kept.

    name (str): The component's name.
    cfg (Dict[str, Any]): Options and state.
    """

    name: str
    cfg: Dict[str, Any]
    # Options that name something that training fixed: they cannot be overridden afterwards.
    fixed_options: Sequence[str] = ()
    # What the config has set: when the component was made, and where its bytes came from.
    _configured: List[Dict[str, Any]]

    def set_options(self, options: Mapping[str, Any], state: Optional[Mapping[str, Any]] = None) -> None:
        """Set options and state of a new component.

        options (Mapping[str, Any]): What the config sets.
        state (Optional[Mapping[str, Any]]): What training determines, as it is before.
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
        """Check what a file says of the state.

        state (Mapping[str, Any]): The content of `cfg`.
        RAISES (ValueError): ML316 for what is no state of this component.
        """

    def cfg_to_disk(self, path: Path) -> None:
        """Write options and state.

        path (Path): The JSON file.
        """
        path.write_bytes(self.cfg_to_bytes())

    def cfg_to_bytes(self) -> bytes:
        """Options and state as JSON, and what the config set."""
        return srsly.json_dumps({**self.cfg, _CONFIGURED: self._configured}).encode("utf8")

    def cfg_from_disk(self, path: Path) -> None:
        """Read options and state. An option that the config has changed since it was saved is not taken.

        path (Path): The JSON file.
        RAISES (ValueError): ML316 for a file that cannot be read; ML317 for an option that cannot change.
        """
        # spaCy reads a component without a file as one without options.
        if path.exists():
            saved, before = self._read(path.read_bytes())
            own = srsly.json_loads(srsly.json_dumps(self._configured[0]))
            changed = [option for option in own if option in saved and saved[option] != own[option]]
            if before:
                overridden = [option for option in changed if all(found.get(option) != own[option] for found in before)]
                self._check_fixed(overridden, saved)
                for option in overridden:
                    del saved[option]
            self._take(saved)
            if not before:
                # Saved by version 0.1.0: nobody knows what its config set.
                self._warn_of_saved(changed, saved)

    def cfg_from_bytes(self, data: bytes) -> None:
        """Read options and state, all of them: nothing can be overridden while bytes are read.

        data (bytes): As from `cfg_to_bytes`.
        RAISES (ValueError): ML316 for bytes that cannot be read.
        """
        saved, before = self._read(data)
        self._take(saved)
        # A pipeline takes its config from its bytes, too; a component that is read by itself does not.
        self._configured += [found for found in before if found not in self._configured]

    def _read(self, data: bytes) -> Tuple[Dict[str, Any], List[Dict[str, Any]]]:
        """Saved options and state, and what the config had set; nothing if that was not saved."""
        try:
            saved = srsly.json_loads(data)
        except (ValueError, RecursionError) as error:
            raise ValueError(Errors.ML316.format(name=self.name, reason=error)) from error
        if not isinstance(saved, dict):
            raise ValueError(Errors.ML316.format(name=self.name, reason="they are no JSON object"))
        before = saved.pop(_CONFIGURED, [])
        if not isinstance(before, list) or not all(isinstance(found, dict) for found in before):
            raise ValueError(Errors.ML316.format(name=self.name, reason=f"'{_CONFIGURED}' is no list of options"))
        self.check_state(saved)
        return saved, before

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


def without_model(exclude: Iterable[str]) -> List[str]:
    """What to leave out of a component's files: "model" stands for encoder and head, as spaCy's components have it.

    exclude (Iterable[str]): What a caller passed.
    RETURNS (List[str]): With "encoder" and "head" in place of "model".
    """
    names = list(exclude)
    return [*names, "encoder", "head"] if MODEL in names else names
