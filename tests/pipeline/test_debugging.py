"""spaCy's own commands that look into a config: debug data, debug model, assemble."""

from __future__ import annotations

import pytest
from spacy.schemas import ConfigSchemaTraining
from spacy.util import load_config, load_model_from_config, registry

from tests.conftest import REPO

CONFIGS = sorted((REPO / "configs").rglob("*.cfg"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_config_gives_an_optimizer_before_variables_are_filled_in(path):
    # `nlp.initialize` builds the optimizer from its own block, and debug data and debug model go that way.
    config = load_config(path)
    nlp = load_model_from_config(config)
    assert nlp.create_optimizer() is not None
    training = registry.resolve(nlp.config.interpolate()["training"], schema=ConfigSchemaTraining)
    assert training["max_steps"] > 0


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_steps_of_every_shipped_config_are_those_of_its_schedule(path):
    training = load_config(path, interpolate=True)["training"]
    rate = training["optimizer"]["learn_rate"]
    if isinstance(rate, dict):
        assert training["max_steps"] == rate["total_steps"]
