"""The Content-Security-Policy of responses."""

from __future__ import annotations

# Pages load scripts, styles and images from this server only, and run none that a text contains.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
