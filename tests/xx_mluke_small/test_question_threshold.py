"""When a question gets no answer."""

from __future__ import annotations

import math

from scripts.xx_mluke_small.question_threshold import best_threshold


def test_the_threshold_separates_questions_with_and_without_an_answer():
    assert best_threshold([-5.0, -3.0, 2.0], [2.5, 3.0, math.inf]) == 2.0
    assert best_threshold([-5.0, -3.0, -2.0, 9.0], [1.0, 3.0]) == -2.0
