"""Average the weights of two trainings, of which the later one started from the earlier one: of names and relations, or
of questions.

    python -m scripts.xx_mluke_small.average training/xx_mluke_small/earlier-names training/xx_mluke_small/last-names \
        training/xx_mluke_small/names --weight 0.6

A training that adds an ability often costs a little of the others; the average keeps most of both (Wortsman et al.,
2022, "Robust fine-tuning of zero-shot models").
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, List, Optional, cast

import spacy
import torch
from safetensors.torch import load_file, save_file
from spacy.language import Language

from scripts.xx_mluke_small.train_names_and_relations import RELATIONS_JSON, RELATIONS_WEIGHTS
from scripts.xx_mluke_small.training_loop import TRAINING_JSON, write_json
from spacy_mluke.encoder.access import load_model
from spacy_mluke.storage.pipelines import save


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line, and write the average."""
    parser = argparse.ArgumentParser(description="Average the weights of two trainings.")
    parser.add_argument("earlier", type=Path, help="output of train_names_and_relations or train_questions")
    parser.add_argument("last", type=Path, help="output of a training that started from it")
    parser.add_argument("output", type=Path, help="folder to write to")
    parser.add_argument("--weight", type=float, default=0.6, help="weight of the last training (default: %(default)s)")
    given = parser.parse_args(args)
    nlp = spacy.load(given.last / "pipeline")
    has_relations = (given.last / RELATIONS_JSON).exists()
    if has_relations:
        average_relations(given.earlier, given.last, given.output, given.weight)
    else:
        about = json.loads((given.last / TRAINING_JSON).read_text(encoding="utf8"))
        write_json(given.output / TRAINING_JSON, {**about, "weight": given.weight})
    average_component(nlp, spacy.load(given.earlier / "pipeline"), given.weight)
    save(nlp, given.output / "pipeline")


def average_relations(earlier: Path, last: Path, output: Path, weight: float) -> None:
    """Average the weights of the classifiers of relations, and write them.

    earlier (Path): Output of the earlier training.
    last (Path): Output of the later one.
    output (Path): Folder to write to.
    weight (float): Weight of the later one, from 0 to 1.
    RAISES (ValueError): If they know other relations.
    """
    abouts = [json.loads((path / RELATIONS_JSON).read_text(encoding="utf8")) for path in (earlier, last)]
    if abouts[0]["labels"] != abouts[1]["labels"]:
        raise ValueError("The two trainings know other relations. Average trainings on the same data.")
    before, after = (load_file(path / RELATIONS_WEIGHTS) for path in (earlier, last))
    # Vectors of distances that the earlier training did not have stay as they are.
    weights = {name: torch.lerp(before.get(name, values), values, weight) for name, values in after.items()}
    write_json(output / RELATIONS_JSON, {**abouts[1], "weight": weight})
    save_file(weights, output / RELATIONS_WEIGHTS)


def average_component(nlp: Language, earlier: Language, weight: float) -> None:
    """Average the weights of a pipeline's component: its encoder's and its head's.

    nlp (Language): The later pipeline, changed in place.
    earlier (Language): The earlier pipeline.
    weight (float): Weight of the later one, from 0 to 1.
    """
    own, other = (cast(Any, component).model for (_, component) in (nlp.pipeline[0], earlier.pipeline[0]))
    before = dict(load_model(other.get_ref("encoder")).network.named_parameters())
    with torch.no_grad():
        for name, values in load_model(own.get_ref("encoder")).network.named_parameters():
            if not torch.equal(values, before[name]):
                values.copy_(torch.lerp(before[name], values, weight))
    linear, linear_before = own.get_ref("linear"), other.get_ref("linear")
    for name in linear.param_names:
        linear.set_param(name, (1 - weight) * linear_before.get_param(name) + weight * linear.get_param(name))


if __name__ == "__main__":
    main()
