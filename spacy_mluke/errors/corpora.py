"""Errors of `annotate`: ML350 to ML359."""


class CorpusErrors:
    ML350 = (
        "The pipeline '{pipeline}' cannot be loaded: {reason}. Pass the directory of a saved pipeline, or the name of "
        "an installed package."
    )
    ML351 = "'{path}' cannot be written: {reason}. Once it can be, the same command goes on where it stopped."
    ML352 = (
        "'{path}' changed while it was annotated. Documents of before and after the change would be mixed: run the "
        "command again with another output folder, and leave the input as it is until it ends."
    )
    ML353 = (
        "No record has a text under '{key}': the first {n} were looked at, and {found}. Name the right key with "
        "--text-key. Nothing was written."
    )
    ML354 = "Another run is writing to '{path}'. Wait until it ends, or name another folder."
    ML355 = (
        "The first {n} shards all ended the process that read them, again and again (the last time: {reason}), so the "
        "run stops. Run the pipeline on a document of yours in Python to see why."
    )
    ML356 = (
        "'{path}' was written by a version of spacy_mluke that kept '{manifest}' in the folder itself. This version "
        "cannot tell whether its input and its pipeline are the same still. Finish it with that version, name another "
        "folder, or delete this one."
    )
    ML357 = "'{path}' is compressed with zstd, which needs pyarrow. Install it: pip install 'spacy-mluke[parquet]'."
    ML358 = "None of the {n} records could be annotated: all were set aside. The first error: {error}"
    ML359 = "--actors is '{value}'. Pass a number from 1, or two as in 1:4, the least first."
