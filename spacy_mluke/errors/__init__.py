"""Every message of the package, with its code, and the checks of options.

Each file has the messages of one folder, and its own codes; `codes.py` joins them in `Errors` and `Warnings`:

    align.py        tokenization/, align/       ML001 to ML019
    encoder.py      network/, encoder/          ML020 to ML034, ML380 to ML384
    checkpoint.py   checkpoint/                 ML035 to ML059, ML340 to ML349, ML402
    vocabulary.py   vocabulary/                 ML060 to ML069
    options.py      options of every part       ML070, ML071, ML310 to ML319, ML395 to ML399
    pipeline.py     pipeline/, heads/           ML072 to ML089, ML200 to ML229, ML385 to ML389, ML403, ML404,
                                                ML410, ML411, ML413, ML425 to ML428, ML468, ML469
    cli.py          cli/                        ML090 to ML099, ML320 to ML329, ML390 to ML394, ML412
    warnings.py     warnings of every part      ML101 to ML199, ML477 to ML479
    kb.py           kb/                         ML230 to ML244, ML415 to ML416, ML422 to ML424
    training.py     training/                   ML245 to ML269, ML400, ML401, ML409
    report.py       report/                     ML270 to ML279
    bulk.py         bulk/                       ML280 to ML289, ML350 to ML359
    publishing.py   publishing/                 ML405 to ML408
    search.py       search/                     ML429 to ML434
    serve.py        serve/                      ML435 to ML449, ML490
    rendering.py    rendering/                  ML450 to ML459
    graph.py        graph/                      ML460 to ML467
    annotation_tools.py   annotation_tools/     ML470 to ML476
    onnx.py         onnx/                       ML480 to ML489
    storage.py      storage/                    ML330 to ML339, ML360 to ML369

A code never changes its meaning, and the code of a removed message is not used again: ML002, ML008, ML027, ML028 and
ML263 were other words for ML070, ML071, ML024, ML070 and ML310.
"""

from .checks import (
    check_at_least,
    check_by_label,
    check_choice,
    check_dropout,
    check_flag,
    check_fraction,
    check_names,
    check_number,
    check_positive,
    check_text,
    did_you_mean,
    missing_packages,
)
from .codes import Errors, Warnings

__all__ = [
    "Errors",
    "Warnings",
    "check_at_least",
    "check_by_label",
    "check_choice",
    "check_dropout",
    "check_flag",
    "check_fraction",
    "check_names",
    "check_number",
    "check_positive",
    "check_text",
    "did_you_mean",
    "missing_packages",
]
