"""Training steps, and finite differences to compare gradients with."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

import spacy
from spacy.cli import app as spacy_app
from spacy.language import Language
from spacy.training import Example
from thinc.api import Adam
from typer.testing import CliRunner


def copy_of(nlp: Language) -> Language:
    """Return a copy of a pipeline, which tests may change."""
    return spacy.util.load_model_from_config(nlp.config).from_bytes(nlp.to_bytes())


def run_spacy(*arguments: object) -> str:
    """Run a command of spaCy in this process, check that it succeeds, and return its output."""
    result = CliRunner().invoke(spacy_app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, f"{result.output}{result.exception!r}"
    return result.output


def take_steps(nlp: Language, gold: List[Example], steps: int, rate: float) -> List[Dict[str, float]]:
    """Initialize and train a pipeline, and return the losses of all steps."""
    nlp.initialize(lambda: gold)
    optimizer = Adam(learn_rate=rate, L2=0.0, grad_clip=1.0)
    return [nlp.update(gold, sgd=optimizer, losses={}) for _ in range(steps)]


def update_until(
    nlp: Language, gold: List[Example], optimizer: Any, component: str, share: float, *, at_most: int, window: int = 1
) -> List[float]:
    """Update a pipeline until a component's loss is below a share of its first one, and return the losses of all steps.

    window (int): Number of losses whose means are compared.
    """
    history: List[float] = []
    while len(history) < at_most:
        history.append(nlp.update(gold, sgd=optimizer, losses={})[component])
        if len(history) >= 2 * window and sum(history[-window:]) < share * sum(history[:window]):
            break
    return history


def head_slopes(
    nlp: Language,
    component: str,
    gold: List[Example],
    places: Optional[Dict[str, Iterable[Tuple[int, ...]]]] = None,
) -> Iterator[Tuple[float, float]]:
    """Return finite differences of the loss by weights of a component's linear head, and their gradients.

    places (Optional[Dict[str, Iterable[Tuple[int, ...]]]]): Which weights, by parameter; by default, two of each.
    """
    nlp.initialize(lambda: gold)
    pipe = nlp.get_pipe(component)
    linear = pipe.model.get_ref("linear")
    nlp.update(gold, sgd=False, losses={})
    for name in places or linear.param_names:
        weights = linear.get_param(name)
        for place in places[name] if places else [(0,) * weights.ndim, (1,) * weights.ndim]:
            values = []
            for step in (0.01, -0.01):
                before = float(weights[place])
                weights[place] = before + step
                values.append(pipe.get_loss(gold, pipe.predict([eg.predicted for eg in gold]))[0])
                weights[place] = before
            yield (values[0] - values[1]) / 0.02, float(linear.get_grad(name)[place])
