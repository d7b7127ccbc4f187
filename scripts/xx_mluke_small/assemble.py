"""Put the trained parts of `xx_mluke_small` together: names, relations that read their forward pass, and questions.

    python -m scripts.xx_mluke_small.assemble ../shared/data training/xx_mluke_small/names \
        training/xx_mluke_small/questions training/xx_mluke_small/assembled

Trains the pruner of `mluke_ner`, and weights for what the knowledge base knows about names. Calibrates relations on
held-out documents, learns which labels head and tail of each relation have and how many tails a head has, and chooses a
threshold for each relation; relations that were not learned well enough are left out. No weight of an encoder changes.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, cast

import numpy
import spacy
import torch
from safetensors.numpy import load_file
from spacy.language import Language
from spacy.util import fix_random_seed

from scripts.xx_mluke_small.examples import make_blank
from scripts.xx_mluke_small.known_names import WEIGHTS_TEXTS, finish_names
from scripts.xx_mluke_small.names import draw_names, read_name_sources
from scripts.xx_mluke_small.question_threshold import fit_null_threshold
from scripts.xx_mluke_small.questions import read_questions
from scripts.xx_mluke_small.relation_labels import property_names, relation_label
from scripts.xx_mluke_small.relation_measurements import measure
from scripts.xx_mluke_small.relation_quality import by_label, calibrate
from scripts.xx_mluke_small.relation_thresholds import JUDGED_THRESHOLDS, THRESHOLDS, choose_thresholds
from scripts.xx_mluke_small.relations import FactDocument, read_relations
from scripts.xx_mluke_small.training_files import DataFolder
from spacy_mluke.heads.linear import set_weights
from spacy_mluke.pipeline.relations.decoding import count_type_pairs
from spacy_mluke.pipeline.relations.limits import count_limits
from spacy_mluke.storage.pipelines import save

NER, RELATIONS, QUESTIONS = "mluke_ner", "mluke_relations", "mluke_qa"
# Candidates that are classified for each wordpiece, and texts that the pruner is trained on.
CANDIDATES, PRUNING_TEXTS = 2.0, 1500
# Of 1,527 candidates that were called names, in 34 languages and also in lower and upper case, the least likely one had
# 4e-5. The bound leaves few candidates, so their number hardly needs another limit: with 0.5, dates were lost.
LEAST_LIKELIHOOD = 2e-5
# The weights were trained on sentences and paragraphs, so long documents are read in short windows. In windows of 512,
# F1 of names in sentences joined into documents (40 each, of 11 development sets) is 70.5, and 76.6 in these; of
# relations in four held-out documents as one, 32.2 and 42.6; of answers in four paragraphs as one (96 questions in four
# languages), 39.1 and 47.9.
WINDOW = {"window": 192, "overlap": 64}
QUESTION_WINDOW = {"window": 256, "overlap": 64}
MAX_DISTANCE = 100  # tokens between the entities of a pair
THRESHOLD = THRESHOLDS[0]
# Chosen by hand: in the news, persons and countries share a sentence. In Re-DocRED, 74 % of the heads have one tail.
JUDGED_TAILS = {"P27": 1}
# Relations whose tail may be the adjective of a country: citizenship, country, country of origin.
OF_COUNTRIES = ("P27", "P17", "P495")
# Relations whose inverse or symmetric form is annotated as often as they are: both directions are averaged.
CONSISTENT = ("P155", "P156", "P361", "P527", "P749", "P355", "P1365", "P1366", "P36", "P1376", "P26", "P3373", "P47")


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line, and assemble the pipeline."""
    parser = argparse.ArgumentParser(description="Assemble xx_mluke_small.")
    parser.add_argument("data", type=Path, help="folder with ner, relations and qa in it")
    parser.add_argument("names", type=Path, help="output of train_names_and_relations")
    parser.add_argument("questions", type=Path, help="output of train_questions")
    parser.add_argument("output", type=Path, help="folder for the pipeline")
    given = parser.parse_args(args)
    torch.set_num_threads(1)
    fix_random_seed(0)
    data = DataFolder(given.data)
    nlp = assemble_names(data, given.names)
    table = assemble_relations(nlp, data, given.names)
    add_questions(nlp, data, given.questions)
    save(nlp, given.output)
    (given.output / "relations.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf8")


def assemble_names(data: DataFolder, folder: Path) -> Language:
    """Make a pipeline with the trained `mluke_ner`, train its pruner, and teach it what is known about names.

    data (DataFolder): The data.
    folder (Path): Output of train_names_and_relations.
    RETURNS (Language): The pipeline.
    """
    trained = spacy.load(folder / "pipeline")
    nlp = make_blank()
    config = trained.get_pipe_config(NER)
    config.pop("factory")
    # Whoever trains the pipeline further decides what to freeze.
    config["model"]["encoder"].update(WINDOW, frozen=[])
    ner: Any = nlp.add_pipe(NER, config=config)
    ner.from_disk(folder / "pipeline" / NER, exclude=["vocab"])
    drawn = draw_names(nlp, read_name_sources(data), random.Random(0))
    examples = [next(drawn) for _ in range(PRUNING_TEXTS)]
    n_entities = ner.learn_pruning(
        examples,
        max_candidates_per_piece=CANDIDATES,
        least_likelihood=LEAST_LIKELIHOOD,
    )
    print(f"The pruner has learned from {n_entities} entities.")
    finish_names(nlp, data, examples[:WEIGHTS_TEXTS])
    return nlp


def assemble_relations(nlp: Language, data: DataFolder, folder: Path) -> Dict[str, Any]:
    """Add `mluke_relations` with the trained classifier: calibrated, and with the relations that it has learned.

    nlp (Language): The pipeline, changed in place.
    data (DataFolder): The data.
    folder (Path): Output of train_names_and_relations.
    RETURNS (Dict[str, Any]): What is known about each relation, for the model card.
    """
    relations = read_relations(data)
    about = json.loads((folder / "relations.json").read_text(encoding="utf8"))
    all_labels: List[str] = about["labels"]
    pipe = add_relations(nlp, all_labels, load_file(folder / "relations.safetensors"))
    measured = measure(nlp, pipe, relations)
    per_label = by_label(measured)
    scale, offsets = calibrate(per_label)
    pipe.inverses = {
        label: back
        for label, back in about["inverses"].items()
        if label in CONSISTENT and {label, back} <= set(all_labels)
    }
    pipe.type_pairs = type_pairs(relations.documents.train, all_labels)
    pipe.max_tails, pipe.max_heads = entity_limits(relations.documents.train, all_labels)
    chosen = choose_thresholds(nlp, pipe, measured, scale, offsets, documents_annotate=relations.document_labels)
    thresholds = {label: max(own, JUDGED_THRESHOLDS.get(label, 0.0)) for label, own in chosen.items()}
    names = property_names(data)
    to_name = {label: relation_label(label, names) for label in sorted(thresholds)}
    keep_labels(nlp, pipe, to_name, scale, offsets)
    pipe.thresholds = {to_name[label]: own for label, own in thresholds.items() if own > THRESHOLD}
    return {to_name[label]: {"threshold": thresholds[label], **per_label[label].to_dict()} for label in to_name}


def keep_labels(nlp: Language, pipe: Any, names: Mapping[str, str], scale: float, offsets: Mapping[str, float]) -> None:
    """Keep some labels of a component, under other names, and make the calibration a part of the weights.

    nlp (Language): The pipeline.
    pipe (RelationExtractor): The component, changed in place.
    names (Mapping[str, str]): Label -> new name.
    scale (float): As from `calibrate`.
    offsets (Mapping[str, float]): As from `calibrate`.
    """
    linear = pipe.model.get_ref("linear")
    rows = [pipe.class_id(label) for label in names]
    weight, bias = (cast(Any, linear.get_param(name))[rows] for name in "Wb")
    # The probability of a label is the sigmoid of its logit.
    shift = numpy.asarray([offsets[label] for label in names], dtype="float32")
    set_weights(linear, weight * numpy.float32(scale), bias * numpy.float32(scale) + shift)
    tables = {option: getattr(pipe, option) for option in ("type_pairs", "max_tails", "max_heads")}
    inverses = pipe.inverses
    pipe.cfg["classes"] = list(names.values())
    for name in names.values():
        nlp.vocab.strings.add(name)
    for option, table in tables.items():
        setattr(pipe, option, {names[label]: value for label, value in table.items() if label in names})
    pipe.inverses = {names[label]: names[back] for label, back in inverses.items() if label in names and back in names}


def entity_limits(documents: Sequence[FactDocument], labels: Sequence[str]) -> Tuple[Dict[str, int], Dict[str, int]]:
    """Return how many tails a head has, and how many heads a tail.

    documents (Sequence[FactDocument]): Documents with all their relations.
    labels (Sequence[str]): The relations.
    RETURNS (Tuple[Dict[str, int], Dict[str, int]]): Relation -> maximum number of tails, and of heads.
    """
    facts = [
        ((n, head), label, (n, tail))
        for n, document in enumerate(documents)
        for head, tail, label in document.facts
        if label in labels
    ]
    reverse = [(tail, label, head) for head, label, tail in facts]
    tails, heads = (count_limits(found, min_share=0.9, largest=2, least=10) for found in (facts, reverse))
    return {**tails, **{label: n for label, n in JUDGED_TAILS.items() if label in labels}}, heads


def add_relations(nlp: Language, labels: Sequence[str], tensors: Dict[str, Any]) -> Any:
    """Add `mluke_relations` with trained weights.

    nlp (Language): The pipeline, changed in place.
    labels (Sequence[str]): The labels.
    tensors (Dict[str, Any]): The weights: `features.*`, `output.weight` and `output.bias`.
    RETURNS (RelationExtractor): The component.
    """
    size = len(tensors["features.query.bias"])
    model = {
        "@architectures": "spacy-mluke.MentionPairClassifier.v1",
        "encoder": {"@architectures": "spacy-mluke.PassageListener.v1", "upstream": NER},
        "size": size,
        "distances": True,
    }
    pairs = {
        "@misc": "spacy-mluke.entity_pairs.v1",
        "order": "both",
        "same_sentence": False,
        "max_distance": MAX_DISTANCE,
        "labels": None,
    }
    config = {"model": model, "pairs": pairs, "multi_label": True, "threshold": THRESHOLD}
    pipe: Any = nlp.add_pipe(RELATIONS, config=config)
    features = pipe.model.get_ref("features")
    for name in features.param_names:
        features.set_param(name, features.ops.asarray(tensors[f"features.{name}"]))
    pipe.cfg["classes"] = list(labels)
    set_weights(pipe.model.get_ref("linear"), tensors["output.weight"], tensors["output.bias"])
    return pipe


def add_questions(nlp: Language, data: DataFolder, folder: Path) -> None:
    """Add the trained `mluke_qa`, with a threshold for questions that a text does not answer.

    nlp (Language): The pipeline, changed in place.
    data (DataFolder): The data.
    folder (Path): Output of train_questions.
    """
    trained = spacy.load(folder / "pipeline")
    config = trained.get_pipe_config(QUESTIONS)
    config.pop("factory")
    config["model"]["encoder"].update(QUESTION_WINDOW, frozen=[])
    pipe: Any = nlp.add_pipe(QUESTIONS, config=config)
    pipe.from_disk(folder / "pipeline" / QUESTIONS, exclude=["vocab"])
    (held_out,) = read_questions(data, held_out=True).values()
    threshold = fit_null_threshold(pipe, held_out)
    pipe.cfg["null_threshold"] = round(threshold, 2)
    print(f"No answer is predicted above a difference of {threshold:.2f}.")


def type_pairs(documents: Sequence[FactDocument], labels: Sequence[str], least: float = 0.02) -> Dict[str, Any]:
    """Return the types of head and tail of each relation in documents.

    documents (Sequence[FactDocument]): Documents with typed entities.
    labels (Sequence[str]): The relations.
    least (float): Minimum share of a relation's facts.
    RETURNS (Dict[str, Any]): Relation -> pairs of types. A relation without facts is not listed: it allows any.
    """
    found = [
        (label, document.types[head], document.types[tail])
        for document in documents
        for head, tail, label in document.facts
        # A few years follow each other. In other texts, any two dates would.
        if label in labels and document.types[head] != "DATE"
    ]
    counted = count_type_pairs(found, min_share=least)
    return {label: _as_predicted(label, pairs) for label, pairs in counted.items()}


def _as_predicted(label: str, pairs: Sequence[Sequence[str]]) -> List[List[str]]:
    """Re-DocRED's MISC are what `mluke_ner` calls EVENT, WORK, PRODUCT or NORP. Its gold entities are MISC. Adjectives
    of countries, such as "French", are LOC there, and NORP here."""
    finer = {"MISC": ["EVENT", "MISC", "NORP", "PRODUCT", "WORK"]}
    tails = {**finer, "LOC": ["LOC", "NORP"]} if label in OF_COUNTRIES else finer
    found = {
        (head, tail)
        for first, second in pairs
        for head in finer.get(first, [first])
        for tail in tails.get(second, [second])
    }
    return [list(pair) for pair in sorted(found)]


if __name__ == "__main__":
    main()
