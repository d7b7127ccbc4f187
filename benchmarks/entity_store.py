"""Measure time and memory of building an entity store, and the time of a look-up.

    python -m benchmarks.entity_store --n-names 12000000

Prints seconds and peak memory of the build, and microseconds of a look-up of a name, an absent name and an id.
"""

from __future__ import annotations

import random
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import Iterator, List

import typer
from tqdm import tqdm

from spacy_mluke.kb.store import STORE
from spacy_mluke.kb.store_build import StoreRow, build_store

from .timing import timed

N_NAMES = typer.Option(1_000_000, help="Number of names, five for each entity, in random order")
N_LOOKUPS = typer.Option(20_000, help="Number of names to look up")
SYLLABLES = [
    "ka",
    "to",
    "ri",
    "mo",
    "sa",
    "ne",
    "lu",
    "vi",
    "do",
    "pe",
    "ban",
    "gor",
    "tal",
    "mir",
    "sten",
    "北",
    "京",
    "東",
    "ши",
    "на",
    "ко",
    "é",
    "ü",
]
LANGUAGES = ("en", "de", "fr", "ja", "ru")


def bench(n_names: int = N_NAMES, n_lookups: int = N_LOOKUPS) -> None:
    """Measure the build and the look-ups."""
    before = peak_megabytes()
    seconds, made = timed(lambda: sum(1 for _ in make_rows(n_names)))
    print(f"generating {made:,} rows: {seconds:.1f} s")
    with tempfile.TemporaryDirectory() as folder:
        rows = tqdm(make_rows(n_names), total=n_names, disable=None)
        seconds, store = timed(lambda: build_store(rows, Path(folder) / STORE))
        size = store.path.stat().st_size / 1e6
        print(f"build: {seconds:.1f} s with the rows, {len(store):,} entities, {store.n_names:,} names, {size:,.0f} MB")
        print(f"peak memory: {peak_megabytes():,.0f} MB, of which {before:,.0f} MB before the build")
        names = [row.name for row in islice(make_rows(n_names), n_lookups)]
        print(f"candidates: {microseconds(store.candidates, names):.1f} us")
        print(f"candidates of absent names: {microseconds(store.candidates, [name + 'x' for name in names]):.1f} us")
        ids = list(islice(store.ids(), n_lookups))
        print(f"entities by id: {microseconds(store.get, random.Random(0).sample(ids, len(ids))):.1f} us")


def make_rows(n: int) -> Iterator[StoreRow]:
    """Yield names in several scripts, nearly all different."""
    rng = random.Random(0)
    for i in range(n):
        name = "".join(rng.choices(SYLLABLES, k=rng.randint(2, 5))).title() + f" {i % 100_003}"
        yield StoreRow(f"Q{rng.randrange(n // 5)}", rng.choice(LANGUAGES), name, "thing", rng.random())


def microseconds(look_up, keys: List[str]) -> float:
    """Return the mean time of a look-up."""
    seconds, _ = timed(lambda: [look_up(key) for key in keys])
    return seconds / len(keys) * 1e6


def peak_megabytes() -> float:
    """Return the peak memory of this process."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << (20 if sys.platform == "darwin" else 10))


if __name__ == "__main__":
    typer.run(bench)
