"""All targets by name."""

from __future__ import annotations

from typing import Dict

from . import alignment, checkpoints, inputs, pipelines, settings, stores
from .cases import Target

TARGETS: Dict[str, Target] = {
    module.TARGET.name: module.TARGET for module in (alignment, checkpoints, inputs, pipelines, settings, stores)
}
