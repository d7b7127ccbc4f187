"""Settings of the server."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Optional, Tuple

from ..errors import check_at_least, check_names, check_text

VARIABLE = "SPACY_MLUKE_SERVE"  # environment variable that passes the settings to worker processes


@dataclass(frozen=True)
class Settings:
    """Settings of a server. Every worker process has the same.

    pipeline (Optional[str]): Directory or package of a pipeline; None for
        `spacy_mluke.load(questions=True, cloze=True)`.
    quantize (Optional[str]): "int8" for encoders that predict in eight bits.
    gpu_id (int): The GPU; -1 for the CPU.
    threads (int): Threads of torch in a process; 0 for torch's default.
    batch_size (int): Maximum number of texts that are annotated together.
    batch_wait_ms (float): Maximum time that a text waits for others, in milliseconds.
    max_waiting (int): Maximum number of texts that wait; further requests get status 503.
    timeout (float): Maximum duration of a request, in seconds.
    max_bytes (int): Maximum size of a request's body.
    max_texts (int): Maximum number of texts, questions, masks or candidates in a request.
    max_characters (int): Maximum number of characters of a text.
    token (Optional[str]): Token that requests must have; None for no check.
    origins (Tuple[str, ...]): Web origins whose pages may send requests (CORS).
    """

    pipeline: Optional[str] = None
    quantize: Optional[str] = None
    gpu_id: int = -1
    threads: int = 0
    batch_size: int = 32
    batch_wait_ms: float = 5.0
    max_waiting: int = 4096
    timeout: float = 60.0
    max_bytes: int = 4_000_000
    max_texts: int = 64
    max_characters: int = 100_000
    token: Optional[str] = None
    origins: Tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the values.

        RAISES (ValueError): ML071, ML310 for values that are not allowed.
        """
        for option in ("batch_size", "max_waiting", "max_bytes", "max_texts", "max_characters"):
            check_at_least(option, getattr(self, option), 1)
        check_at_least("threads", self.threads, 0)
        check_at_least("batch_wait_ms", self.batch_wait_ms, 0, whole=False)
        check_at_least("timeout", self.timeout, 0.001, whole=False)
        check_names("origins", self.origins)
        if self.token is not None:
            check_text("token", self.token)

    def to_json(self) -> str:
        """Return the settings as a JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Return the settings of a JSON object.

        text (str): An object as returned by `to_json`.
        RETURNS (Settings): The settings.
        """
        values = json.loads(text)
        return cls(**{**values, "origins": tuple(values["origins"])})
