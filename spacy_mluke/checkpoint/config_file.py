"""Read the config.json of a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Union

from ..errors import Errors
from ..network.config import EncoderConfig
from ..storage.untrusted import parse_json, read_untrusted

CONFIG = "config.json"
_MAX_BYTES = 16 << 20


def read_config(path: Union[str, Path]) -> EncoderConfig:
    """Read a config.json.

    path (Union[str, Path]): The file, or its directory.
    RETURNS (EncoderConfig): The config.
    RAISES (ValueError): ML020 if it cannot be read; ML021 to ML026 for its content.
    """
    file = Path(path)
    if file.is_dir():
        file /= CONFIG
    try:
        content = parse_json(read_untrusted(file, most=_MAX_BYTES))
    except (OSError, ValueError) as err:
        raise ValueError(Errors.ML020.format(path=file, reason=err)) from err
    return EncoderConfig.from_dict(content)
