"""Values on a Doc that `Doc.to_json` and `json.dumps` can write."""

from __future__ import annotations

from typing import Any, Dict


class JsonObject(Dict[str, Any]):
    """A frozen dataclass that is a dictionary, too, with what `to_dict` returns. spaCy and JSON write it as that."""

    def __post_init__(self) -> None:
        super().update(self.to_dict())

    def to_dict(self) -> Dict[str, Any]:
        """The values in plain Python types; places are characters of the document.

        RETURNS (Dict[str, Any]): What JSON can write.
        """
        raise NotImplementedError
