"""Measure the figures of `mluke-small`'s model card, on XQuAD's parallel texts in seven languages.

    python -m scripts.measure_mluke_small DIRECTORY_OF_XQUAD

Uses `LukeModel` and `MLukeTokenizer` of transformers with the checkpoint's dense weights, so the results do not depend
on this package's encoder. Takes about ten minutes on one core.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import torch
from torch import Tensor
from torch.nn.functional import normalize
from transformers import LukeConfig, LukeModel, MLukeTokenizer

from scripts.build_mluke_small import TARGET, WORDS_FILE
from spacy_mluke.checkpoint.directory import open_checkpoint
from spacy_mluke.checkpoint.quantized_files import open_words
from spacy_mluke.checkpoint.tensor_names import WORDS
from spacy_mluke.network.codecs import decode_blocks, decode_rows, encode_blocks, encode_rows

LANGUAGES = ("en", "de", "es", "ru", "zh", "ar", "el")
MAX_PIECES = 512
Spans = List[Tuple[int, int]]


def main() -> None:
    """Read the command line, measure, print Markdown."""
    parser = argparse.ArgumentParser(description="Measure the bundled checkpoint mluke-small.")
    parser.add_argument("xquad", type=Path, help="directory with xquad.en.json and the other languages")
    parser.add_argument("--checkpoint", type=Path, default=TARGET)
    given = parser.parse_args()
    torch.set_grad_enabled(False)
    paragraphs = {language: _paragraphs(given.xquad / f"xquad.{language}.json") for language in LANGUAGES}
    runner = Runner(given.checkpoint)
    print_sentences(runner, paragraphs)
    print_entities(runner, paragraphs)
    print_rounding(runner, paragraphs)


class Runner:
    """The checkpoint as a LukeModel with float32 weights.

    path (Path): The checkpoint directory.
    """

    def __init__(self, path: Path):
        self.tokenizer = MLukeTokenizer.from_pretrained(path)
        tensors = open_checkpoint(path).tensors.encoder
        self.weights = {name: tensor for name, tensor in tensors.items() if name != WORDS}
        config: Any = LukeConfig.from_pretrained(path)
        with torch.device("meta"):
            self.model = LukeModel(config, add_pooling_layer=False)
        self.words = open_words(path / WORDS_FILE).dense()
        self.use(self.weights)

    def use(self, weights: Dict[str, Tensor]) -> None:
        """Replace the weights."""
        self.model.load_state_dict({**weights, WORDS: self.words}, strict=True, assign=True)
        self.model.eval()

    def states(self, text: str, spans: Optional[Spans] = None) -> Tuple[Tensor, Tensor, Tensor]:
        """Run a text with a [MASK] entity on each span.

        text (str): The text.
        spans (Optional[Spans]): Character bounds.
        RETURNS (Tuple[Tensor, Tensor, Tensor]): States of the wordpieces, of the entities, and for each
            entity the mean of the states of its wordpieces. Shapes: (n_pieces, width), (n_spans, width),
            (n_spans, width).
        """
        encoded = self.tokenizer(text, entity_spans=spans, return_tensors="pt")
        output = self.model(**encoded)
        words = output.last_hidden_state[0]
        if not spans:
            return words, words[:0], words[:0]
        positions = [row[row >= 0] for row in encoded["entity_position_ids"][0]]
        return words, output.entity_last_hidden_state[0], torch.stack([words[p].mean(0) for p in positions])

    def fits(self, paragraph: Dict) -> bool:
        """Return whether a text fits into one sequence, including the additional pieces at spans."""
        return len(self.tokenizer(paragraph["context"])["input_ids"]) <= MAX_PIECES - 64


def _paragraphs(path: Path) -> List[Dict]:
    articles = json.loads(path.read_text(encoding="utf8"))["data"]
    return [paragraph for article in articles for paragraph in article["paragraphs"][:2]]


def _mentions(paragraph: Dict) -> Iterator[Tuple[str, Tuple[int, int]]]:
    for question in paragraph["qas"]:
        answer = question["answers"][0]
        yield question["id"], (answer["answer_start"], answer["answer_start"] + len(answer["text"]))


def print_sentences(runner: Runner, paragraphs: Dict[str, List[Dict]]) -> None:
    """Print the cosine of mean word states of questions and their translations."""
    means = {}
    for language in LANGUAGES:
        questions = [paragraph["qas"][0]["question"] for paragraph in paragraphs[language]]
        means[language] = normalize(torch.stack([runner.states(q)[0].mean(0) for q in questions]))
    _print_cosines(f"{len(means['en'])} questions", means)


def print_entities(runner: Runner, paragraphs: Dict[str, List[Dict]]) -> None:
    """Print cosines of answers and their translations: of [MASK] entities, and of mean word states."""
    entities: Dict[str, Dict[str, Tensor]] = {language: {} for language in LANGUAGES}
    means: Dict[str, Dict[str, Tensor]] = {language: {} for language in LANGUAGES}
    word_norms, entity_norms = [], []
    for language in LANGUAGES:
        for paragraph in filter(runner.fits, paragraphs[language]):
            ids, spans = zip(*_mentions(paragraph), strict=True)
            word_states, entity_states, word_means = runner.states(paragraph["context"], list(spans))
            entities[language].update(zip(ids, entity_states, strict=True))
            means[language].update(zip(ids, word_means, strict=True))
            word_norms.append(word_states.norm(dim=1).mean())
            entity_norms.append(entity_states.norm(dim=1).mean())
    shared = [key for key in entities["en"] if all(key in entities[language] for language in LANGUAGES)]
    for title, vectors in (("entities", entities), ("mean word states", means)):
        tables = {language: normalize(torch.stack([vectors[language][k] for k in shared])) for language in LANGUAGES}
        _print_cosines(f"{len(shared)} mentions, {title}", tables)
    lengths = torch.stack(word_norms).mean(), torch.stack(entity_norms).mean()
    print(f"\nlength of word states {lengths[0]:.2f}, of entity states {lengths[1]:.2f}")


def _print_cosines(title: str, vectors: Dict[str, Tensor]) -> None:
    print(f"\n{title}\n\n| en with | same | different | nearest: same |\n|---|---:|---:|---:|")
    for language in LANGUAGES[1:]:
        cosines = vectors["en"] @ vectors[language].T
        n = len(cosines)
        same = cosines.diagonal().mean()
        other = (cosines.sum() - cosines.diagonal().sum()) / (n * (n - 1))
        nearest = (cosines.argmax(1) == torch.arange(n)).float().mean()
        print(f"| {language} | {same:.2f} | {other:.2f} | {100 * nearest:.0f} % |")


def print_rounding(runner: Runner, paragraphs: Dict[str, List[Dict]]) -> None:
    """Print the differences that each storage of the layers' matrices makes."""
    few = {language: paragraphs[language][:5] for language in LANGUAGES}
    exact = _all_states(runner, few, runner.weights)
    print("\nMean cosine / largest difference against unrounded matrices\n")
    print("| storage | states | " + " | ".join(LANGUAGES) + " |")
    print("|---|---|" + "---:|" * len(LANGUAGES))
    for storage in ("f16", "q8", "q6", "q4"):
        rounded = {name: _round_off(w, storage) if _is_matrix(name, w) else w for name, w in runner.weights.items()}
        found = _all_states(runner, few, rounded)
        for side, states in enumerate(("words", "entities")):
            pairs = [(exact[language][side], found[language][side]) for language in LANGUAGES]
            cells = [f"{torch.cosine_similarity(a, b).mean():.4f} / {(a - b).abs().max():.3f}" for a, b in pairs]
            print(f"| {storage} | {states} | " + " | ".join(cells) + " |", flush=True)


def _is_matrix(name: str, weights: Tensor) -> bool:
    return name.startswith("encoder.") and weights.dim() == 2


def _round_off(weights: Tensor, storage: str) -> Tensor:
    if storage == "f16":
        return weights.half().float()
    if storage == "q8":
        return decode_rows(*encode_rows(weights))
    bits = int(storage[1])
    return decode_blocks(encode_blocks(weights, bits), bits)


def _all_states(
    runner: Runner, paragraphs: Dict[str, List[Dict]], weights: Dict[str, Tensor]
) -> Dict[str, Tuple[Tensor, Tensor]]:
    runner.use(weights)
    result = {}
    for language, chosen in paragraphs.items():
        states = [
            runner.states(paragraph["context"], [span for _, span in _mentions(paragraph)])
            for paragraph in filter(runner.fits, chosen)
        ]
        result[language] = (torch.cat([s[0] for s in states]), torch.cat([s[1] for s in states]))
    return result


if __name__ == "__main__":
    main()
