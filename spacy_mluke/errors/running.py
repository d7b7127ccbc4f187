"""Errors of the command line and of training: ML090 to ML099, ML245 and up."""


class RunningErrors:
    # --- command line ---
    ML090 = (
        "The text does not hold '{mention}'. Give a mention by its words as they stand there, or by its characters, as "
        "START:END."
    )
    ML091 = "'{path}' is not an empty directory. Name another, or pass --force to replace files in this one."
    ML092 = "'{path}' is the checkpoint that is to be converted. Name another directory to write to."
    ML320 = "'{path}' cannot be read or written: {reason}."
    ML321 = "{what} is not UTF-8 text ({reason}). Convert it first, as with: iconv -f latin1 -t utf8 OLD > NEW"
    ML322 = "The input is nested too deeply to be read. Look for brackets that are never closed."
    ML323 = (
        "'{path}' holds {what} already. Name another directory, or pass --force to begin anew and replace what is "
        "there{hint}."
    )
    ML324 = (
        "'{path}' cannot be read as a corpus: {reason}. It must be a file that DocBin.to_disk wrote: write it again, "
        "or copy it again from where it came from."
    )
    ML325 = "'{path}' holds no .spacy file. Name one, or a directory of them, as DocBin.to_disk writes them."
    ML326 = (
        "GPU {gpu} cannot be used: {reason}. Pass --gpu-id -1 to work on the CPU, or install what spaCy needs for "
        "GPUs: https://spacy.io/usage#gpu"
    )
    ML327 = (
        "This needs spacy-transformers, which cannot be imported ({reason}). Install it, with a transformers that it "
        "knows: pip install spacy-transformers. All else works without it: doc._.mluke has the states of tokens, and "
        "components with spacy-mluke.Encoder.v1 need no listener."
    )
    ML328 = "'{name}' is no mluke_ner, and only these can be pruned. The pipeline has: {names}."
    ML329 = "'{name}' cannot be exported: it {reason}. Of this pipeline can be exported: {names}."
    # --- training ---
    ML246 = (
        "The gradients are not finite (norm {norm}): training has diverged. Lower the learning rate or raise its "
        "warm-up steps, look for a component whose loss is not finite, or, with float16, use bfloat16."
    )
    ML247 = (
        "{place}: {reason}. A line holds a token and, in its last column, a tag such as O, B-PER or I-PER (IOB, BIOES "
        "or BILOU), between tabs or spaces; a blank line ends a sentence."
    )
    ML248 = (
        '{place}: {reason}. A line is one JSON object with "text" and what is known of it (entities, relations, '
        "types, questions, cats), places as characters: see docs/guides/training.md."
    )
    ML249 = (
        "One of '{source}' and '{target}' is to be a corpus, with a name that ends in .spacy, and the other one JSON "
        "lines, with another name."
    )
    ML250 = (
        "'{name}' cannot be exported: it {reason}. A published model is a head and an encoder of its own: train the "
        "component with spacy-mluke.Encoder.v1 in [components.{name}.model.encoder], or export 'mluke' itself."
    )
    ML251 = "The pipeline has no component '{name}'; it has: {names}.{hint}"
    ML252 = (
        "'frozen' names '{part}', which is no part of an encoder.{hint} Take any of: {names}, or layers from the "
        'bottom, as in "layers:0-5".'
    )
    ML253 = "'frozen' names \"{part}\", and this encoder has {n} layers, 0 to {last}."
    ML254 = (
        "The interrupted training in '{path}' was started with other settings: {keys}. Go on with the same ones (only "
        "its length, paths, learning rate and logger may change), or begin anew without --resume."
    )
    ML255 = (
        "The state of the training in '{path}' cannot be read: {reason}. Delete '{folder}', and begin anew, without "
        "--resume."
    )
    ML256 = (
        "Training in several processes needs Accelerate, which is not installed. Install it: pip install "
        "'spacy-mluke[distributed]', or pip install accelerate."
    )
    # --- reports ---
    ML270 = "'{path}' is not a run that this version reads: {reason}. Runs are written by python -m spacy_mluke score."
    ML271 = (
        "'{name}' has no annotation for the task '{task}' that could be scored. Take the corpus that was made for it "
        "(see docs/background/results.md), written with store_user_data=True."
    )
    ML272 = "There are no runs in {folders}. Pass folders that python -m spacy_mluke score has written to."
    ML273 = (
        "A report draws with matplotlib, which is not installed. Install it: pip install 'spacy-mluke[report]', or pip "
        "install matplotlib."
    )
    ML361 = (
        "'{path}' is not a learning curve: {reason}. spacy-mluke.CurveLogger.v1 writes JSON lines and adds to them: "
        "name another file in [training.logger], or move this one."
    )
    # --- entity pretraining ---
    ML263 = "'{option}' is {value}, and is a share: from 0 to 1."
    # --- annotating corpora ---
    ML280 = "'{path}' has no file that could be annotated: their names end in one of {suffixes}."
    ML281 = (
        "'{path}' cannot be written to: {reason}. A run goes on only with the settings and files that it was begun "
        "with; for another one, name another folder, or delete this one."
    )
    ML282 = "'{path}' cannot be read: {reason}. Mend it, or take it out of the input."
    ML283 = (
        "Parquet needs pyarrow, which is not installed. Install it: pip install 'spacy-mluke[parquet]', or pip install "
        "pyarrow; or write DocBins, with --format docbin."
    )
    ML284 = "--engine ray needs Ray Data, which is not installed. Install it: pip install 'spacy-mluke[ray]'."
