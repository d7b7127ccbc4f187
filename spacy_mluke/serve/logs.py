"""Logs of the server: a JSON object on each line. They contain no texts of requests."""

from __future__ import annotations

import json
import logging
import time
from typing import Any, Dict

LOGGER = "spacy_mluke.serve"


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object: `time`, `level`, `logger`, `message`, the record's `fields`, `error`."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        values: Dict[str, Any] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            values["error"] = self.formatException(record.exc_info)
        return json.dumps(values, ensure_ascii=True, default=str)


def log_config(level: str) -> Dict[str, Any]:
    """Return the configuration of the server's loggers, for `logging.config.dictConfig`.

    level (str): The lowest level that is written, such as "info".
    RETURNS (Dict[str, Any]): The configuration. Warnings of the package go to the logger `py.warnings`.
    """
    own = {"handlers": ["stderr"], "level": level.upper(), "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": f"{__name__}.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "loggers": dict.fromkeys((LOGGER, "uvicorn", "py.warnings"), own),
    }
