"""Warnings: ML101 to ML199, ML477 to ML479."""


class AllWarnings:
    # --- spans and sequences ---
    ML101 = (
        "{n} of {total} spans contain no wordpiece (only whitespace, or characters that the vocabulary's normalizer "
        "removes) and have no vector: their span._.mluke_vector is None."
    )
    ML102 = (
        "{n} of {total} spans are longer than {limit} wordpieces: the position of their entity is the mean of their "
        "first {limit} wordpieces, as in the published models ('max_mention_length')."
    )
    ML103 = (
        "{n} of {total} marked texts did not fit into a sequence of {limit} wordpieces: text between or inside their "
        "spans was skipped, the spans and the text next to them were kept. Raise 'window' if the checkpoint allows "
        "longer sequences."
    )
    ML104 = (
        "{n} of {total} spans of '{name}' contain no wordpiece (only whitespace, or characters that the vocabulary's "
        "normalizer removes): they have no prediction."
    )
    ML105 = (
        "{n} of {total} gold annotations of '{name}' are on spans that are never suggested, and cannot be learned: "
        "{hint}"
    )
    # --- saved options and training ---
    ML111 = (
        "'{name}' was saved by an older version, with options that differ from its config. The saved options are used: "
        "{options}. Save the pipeline again (nlp.to_disk): then the config overrides saved options."
    )
    ML113 = "'{name}' cannot learn from these {n} examples, and stays as it was loaded. {reason}"
    # --- damaged checkpoints ---
    ML117 = (
        "{n} of the checked weights of '{path}' are NaN or infinite ({names}): the output of this encoder is "
        "meaningless. Download the checkpoint again, or use one from before the training that caused this."
    )
    ML118 = (
        "{n} of the {total} wordpieces in '{vocab}' are not produced by any line of '{merges}', {example!r} for "
        "instance: that file may be incomplete, and texts may be split into other wordpieces than in training. Compare "
        "it with the original."
    )
    # --- annotating corpora ---
    ML120 = (
        "{n} of {total} files were skipped: {names}. Only files whose names end in {suffixes} are read (in upper or "
        "lower case; with .gz or .zst added where lines are documents)."
    )
    ML121 = (
        "{n} of {total} finished shards are annotated again: their files are missing or changed, or their record "
        "cannot be read."
    )
    # --- saving, renamed options ---
    ML122 = (
        "'{path}' is not the config that was saved with the components beside it. It was edited, or saving was "
        "interrupted: in that case save the pipeline again. To stop this warning after an edit, load and save the "
        "pipeline."
    )
    ML125 = "{kind} '{old}' of {where} is now called '{new}'. The old name works until version 0.3."
    # --- JSON lines ---
    ML126 = (
        "Of the annotation in '{path}', some was skipped. {found}. Spans must begin and end with tokens: pass the "
        "pipeline whose tokenizer you use as 'nlp', or alignment = \"expand\", which moves them to the tokens around."
    )
    # --- graphs of annotated documents ---
    ML136 = "{n} files are no annotated documents and were skipped: {names}. Only .parquet and .spacy files are read."
    ML137 = (
        "{n} documents and {n_files} files ({names}) cannot be read, and are not in the graph. Repair the files, or "
        "annotate the documents again."
    )
    ML138 = (
        "{n} of {total} documents have the id of another document with other content: a checksum was added to their "
        "ids. Give each document its own id."
    )
    ML139 = (
        "{n} characters that the format cannot contain were replaced by U+FFFD. Turtle, JSON-LD and Parquet keep them."
    )
    # --- checkpoints and encoders ---
    ML140 = (
        "'{path}' has use_entity_aware_attention = true, but no query weights for pairs with entities: they are "
        "initialized as copies of the plain query, as in LUKE's pretraining, and need training."
    )
    ML141 = (
        "'{name}' cannot predict in eight bits (quantize = \"int8\"), because this processor, this device or this "
        "torch does not support it: it predicts in {dtype}."
    )
    ML160 = (
        "Building the entity database of '{source}' ({size} MB) at '{target}'. This happens once and takes up to a "
        "minute; 'python -m spacy_mluke convert' builds it in advance."
    )
    # --- question answering ---
    ML175 = (
        "{n} of {total} gold answers in '{path}' were skipped: their text is not at 'answer_start' (in characters of "
        "the paragraph). {lost} questions have no other answer, and were skipped, too. The first is {first}."
    )
    ML176 = (
        "{n} questions of '{name}' are longer than half of a sequence ({limit} wordpieces) and were truncated. Ask "
        "shorter questions."
    )
    ML177 = (
        "{n} entities did not fit into their window and were skipped: a sequence has room for {limit} ('max_entities')."
    )
    ML178 = (
        "{n} of {total} gold answers of '{name}' cannot be predicted: they are longer than {limit} wordpieces "
        "('max_answer_pieces'), no window contains them completely, or they contain no wordpiece."
    )
    # --- masked entities, new entities, linking ---
    ML180 = (
        "{n} of {total} masks of '{name}' have no fillers: they contain no wordpiece (only whitespace, or characters "
        "that the vocabulary's normalizer removes)."
    )
    ML181 = (
        "{n} of {total} gold entities of '{name}' are skipped: the predicted document has other words there, or they "
        "overlap."
    )
    ML182 = (
        "{n} of {total} new names are already names of other entities. Their entity's key was added in brackets, as in "
        "'{example}'."
    )
    ML183 = (
        "{n} of {total} new entities have no name with a wordpiece: they start from the mean of the others, and are "
        "meaningless until they are trained."
    )
    ML185 = "{n} of {total} gold links of '{name}' cannot be learned: {reasons}."
    ML186 = (
        "{n} of {total} candidates of mentions are not in the entity vocabulary of '{name}': their score is their "
        "prior, whatever the text says. Add them to let the encoder score them: 'grow', or .add_entities()."
    )
    ML188 = "'{source}': not all of it is in the entity store. {counts}. Change the source if that is not intended."
    ML189 = (
        "'{path}': these keys are not read: {keys}. An entity may have id, type, prior, names, descriptions, types and "
        "facts; a name may have id, language, name, type, prior, kind and entity_prior."
    )
    # --- batches and export ---
    ML190 = (
        "{n} of {total} examples cost more than {limit} rows (the wordpieces and entities of their sequences): each is "
        "a batch alone. If memory runs out, split such documents, or set discard_oversize = true in "
        "[training.batcher]."
    )
    ML191 = (
        "{n} of {total} examples cost more than {limit} rows (the wordpieces and entities of their sequences) and were "
        "discarded. Raise 'max_rows' in [training.batcher], or set discard_oversize = false."
    )
    ML192 = (
        "The encoder of '{name}' was trained with visibility = \"isolated\", and in the published classes all "
        "wordpieces and entities attend to each other: they will compute other logits than the component. In "
        "spacy_mluke, load the directory with the same visibility."
    )
    # --- annotation tools ---
    ML477 = "Of the documents in '{path}', something could not be written as it is. {found}."
    ML478 = "Of the annotation in '{path}', some was changed or skipped. {found}."
    ML479 = (
        "None of the {n} documents in '{path}' has an entity or a relation: annotators start from empty texts. If that "
        "is not intended, annotate the documents first ('--pipeline' on the command line), or pass the 'spans_key' of "
        "their entities, if they are not in doc.ents{groups}."
    )
