"""A corpus reader that mixes corpora by weight: languages and sources of different sizes, in one endless stream."""

import random
from itertools import islice
from typing import Callable, Dict, Iterable, Iterator, List, Optional

from spacy.language import Language
from spacy.training import Example

from ..errors import Errors, check_at_least, check_flag

Reader = Callable[[Language], Iterable[Example]]


def build_mixed_corpus_v1(
    corpora: Dict[str, Reader],
    weights: Optional[Dict[str, float]] = None,
    buffer: int = 500,
    seed: int = 0,
    endless: bool = True,
) -> Reader:
    """Build a reader that draws examples from several corpora. Registered as `spacy-mluke.MixedCorpus.v1`.

    For each example, a corpus is drawn by weight. A corpus that ends is read again from its start. If weights are
    proportional to the square roots of the sizes, a small language is drawn more often than in proportion to its data
    (Conneau and Lample, 2019, arXiv:1901.07291, section 3.1, with their exponent of 0.5).

    corpora (Dict[str, Callable]): Readers by name, `spacy.Corpus.v1` for instance.
    weights (Optional[Dict[str, float]]): Weight of each corpus, by name; 1 for a corpus without one.
    buffer (int): Examples of each corpus that are kept in memory, of which the next one is drawn. 0 keeps the order of
        the files.
    seed (int): Seed of the draws. The same seed gives the same examples in the same order.
    endless (bool): Whether the stream never ends: set `training.max_epochs = -1` then. If not, it ends as soon as every
        corpus was read to its end once.
    RETURNS (Callable): The reader.
    RAISES (ValueError): ML400 for a weight without a corpus, or if no corpus has a weight above 0; ML071, ML310 for
        other values.
    """
    weights = weights or {}
    unknown = sorted(set(weights) - set(corpora))
    for name, weight in weights.items():
        check_at_least(f"weights.{name}", weight, 0, whole=False)
    if unknown or not any(weights.get(name, 1.0) for name in corpora):
        raise ValueError(Errors.ML400.format(unknown=", ".join(unknown) or "none", known=", ".join(corpora) or "none"))
    check_at_least("buffer", buffer, 0)
    check_at_least("seed", seed, 0)
    check_flag("endless", endless)
    return MixedCorpus(corpora, {name: weights.get(name, 1.0) for name in corpora}, buffer, seed, endless)


class MixedCorpus:
    """Draws examples from several corpora. Arguments as for `build_mixed_corpus_v1`."""

    def __init__(self, corpora: Dict[str, Reader], weights: Dict[str, float], buffer: int, seed: int, endless: bool):
        self._corpora = {name: reader for name, reader in corpora.items() if weights[name] > 0}
        self._weights = [weights[name] for name in self._corpora]
        self._buffer = buffer
        self._seed = seed
        self._endless = endless

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Read the corpora.

        nlp (Language): Tokenizes the predicted documents.
        YIELDS (Example): The examples.
        RAISES (ValueError): ML401 for a corpus without examples.
        """
        rng = random.Random(self._seed)
        sources = {name: Source(name, reader, nlp, self._buffer, rng) for name, reader in self._corpora.items()}
        names = list(sources)
        while self._endless or not all(source.n_rounds for source in sources.values()):
            (name,) = rng.choices(names, self._weights)
            yield sources[name].draw()


class Source:
    """One corpus, read again and again."""

    def __init__(self, name: str, reader: Reader, nlp: Language, buffer: int, rng: random.Random):
        self.n_rounds = 0  # how often it was read to its end
        self._name = name
        self._reader = reader
        self._nlp = nlp
        self._size = buffer
        self._rng = rng
        self._kept: List[Example] = []
        self._stream = iter(reader(nlp))

    def draw(self) -> Example:
        """Return the next example. After the last one, the corpus is read again."""
        self._fill()
        if not self._kept:
            raise ValueError(Errors.ML401.format(name=self._name))
        place = self._rng.randrange(len(self._kept)) if self._size else 0
        self._kept[place], self._kept[-1] = self._kept[-1], self._kept[place]
        drawn = self._kept.pop()
        self._fill()
        if not self._kept:
            self.n_rounds += 1
            self._stream = iter(self._reader(self._nlp))
        return drawn

    def _fill(self) -> None:
        self._kept.extend(islice(self._stream, self._size + 1 - len(self._kept)))
