"""Adds to setup.cfg what depends on other files: the description that a package index shows."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
# The target of a Markdown link that is neither an address nor a heading of the page itself.
RELATIVE = re.compile(r"\]\((?!\w+:|#)([^)]+)\)")


def describe() -> str:
    """Return the README, with links to files of the repository as addresses: a package index has no such files."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf8")
    source = config["metadata"]["url"] + "/blob/main/"
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    return RELATIVE.sub(lambda match: f"]({source}{match[1]})", readme)


setup(long_description=describe())
