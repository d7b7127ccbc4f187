"""Problems: errors of requests, as JSON of RFC 9457 (application/problem+json)."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Dict, Optional

MEDIA_TYPE = "application/problem+json"
_CODE = re.compile(r"\[(ML\d{3})\] ")


class Problem(Exception):
    """Raised when a request cannot be answered.

    status (int): HTTP status.
    message (str): A coded message.
    retry_after (Optional[int]): Seconds after which the client may send the request again.
    """

    def __init__(self, status: int, message: str, *, retry_after: Optional[int] = None):
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after

    def to_dict(self) -> Dict[str, Any]:
        """Return the members of the problem object.

        RETURNS (Dict[str, Any]): `type`, `title`, `status`, `code`, `detail`.
        """
        found = _CODE.match(self.message)
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": found.group(1) if found else None,
            "detail": self.message[found.end() :] if found else self.message,
        }

    def headers(self) -> Dict[str, str]:
        """Return the headers of the response, besides its content type."""
        found = {}
        if self.retry_after is not None:
            found["Retry-After"] = str(self.retry_after)
        if self.status == HTTPStatus.UNAUTHORIZED:
            found["WWW-Authenticate"] = "Bearer"
        return found
