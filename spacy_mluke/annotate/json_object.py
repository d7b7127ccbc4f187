"""Annotation values that `Doc.to_json` and `json.dumps` can write."""

from __future__ import annotations

from typing import Any, Dict


class JsonObject(Dict[str, Any]):
    """Base of frozen dataclasses that are also the dictionary that `to_dict` returns, so spaCy and JSON can write
    them."""

    def __post_init__(self) -> None:
        super().update(self.to_dict())

    def to_dict(self) -> Dict[str, Any]:
        """Return the values in plain Python types; positions are characters of the document.

        RETURNS (Dict[str, Any]): Values that JSON can write.
        """
        raise NotImplementedError
