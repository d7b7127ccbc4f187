"""Errors of annotating corpora: ML280 to ML289, ML350 to ML359."""


class BulkErrors:
    ML280 = "'{path}' has no file that can be annotated: file names must end in one of {suffixes}."
    ML281 = (
        "'{path}' cannot be written to: {reason}. A run is resumed only with the settings and files that it was "
        "started with. For a new run, pass another folder, or delete this one."
    )
    ML282 = "'{path}' cannot be read: {reason}. Repair it, or remove it from the input."
    ML283 = (
        "Parquet needs pyarrow, which is not installed. Install it: pip install pyarrow. Or write DocBins, with "
        "--format docbin."
    )
    ML284 = "--engine ray needs Ray Data, which is not installed. Install it: pip install 'ray[data]' pyarrow."
    ML350 = (
        "The pipeline '{pipeline}' cannot be loaded: {reason}. Pass the directory of a saved pipeline, or the name of "
        "an installed package."
    )
    ML351 = "'{path}' cannot be written: {reason}. When this is solved, the same command resumes the run."
    ML352 = (
        "'{path}' changed while it was annotated, so the output would mix two versions. Run the command again with "
        "another output folder, and do not change the input until it ends."
    )
    ML353 = (
        "No record has a text under '{key}': the first {n} were read, and {found}. Set the right key with --text-key. "
        "Nothing was written."
    )
    ML354 = "Another run is writing to '{path}'. Wait until it ends, or pass another folder."
    ML355 = (
        "Each of the first {n} shards repeatedly crashed the process that annotated it (the last time: {reason}), so "
        "the run stops. Run the pipeline on one of your documents in Python to find the cause."
    )
    ML356 = (
        "'{path}' was written by an earlier version of spacy_mluke, which kept '{manifest}' in the folder. This "
        "version cannot check that input and pipeline are unchanged. Finish the run with that version, pass another "
        "folder, or delete this one."
    )
    ML357 = "'{path}' is compressed with zstd, which needs pyarrow. Install it: pip install pyarrow."
    ML358 = "None of the {n} records could be annotated. The first error: {error}"
    ML359 = "--actors is '{value}'. Pass a number of 1 or more, or a minimum and a maximum, as in 1:4."
