"""Warnings: ML1xx."""


class AllWarnings:
    ML101 = (
        "{n} of {total} spans hold no wordpiece (only whitespace, or characters that the vocabulary's "
        "normalizer removes) and have no vector: span._.mluke_vector is None for them."
    )
    ML102 = (
        "{n} of {total} spans are longer than {limit} wordpieces: their entity stands on their first {limit} "
        "wordpieces, as in the published models ('max_mention_length')."
    )
    ML103 = (
        "{n} of {total} marked texts did not fit a pass of {limit} wordpieces between their spans: text between (or "
        "inside) the spans was left out, the spans and what stands next to them were kept. Raise 'window' if the "
        "checkpoint takes more."
    )
    ML104 = (
        "{n} of {total} spans that '{name}' was to read hold no wordpiece (only whitespace, or characters that the "
        "vocabulary's normalizer removes): nothing was predicted for them."
    )
    ML105 = (
        "{n} of {total} gold annotations of '{name}' are on spans that are never proposed to it, and cannot be learnt: "
        "{hint}"
    )
    ML111 = (
        "'{name}' was saved by an older version with other options than its config sets; the saved ones hold: "
        "{options}. Save the pipeline again (nlp.to_disk): then the config overrides saved options."
    )
    ML117 = (
        "{n} of the weights of '{path}' that were looked at are NaN or infinite ({names}): what this encoder says "
        "means nothing. Fetch the checkpoint again, or take one from before the training that left these."
    )
    ML118 = (
        "{n} of the {total} wordpieces in '{vocab}' are made by no line of '{merges}', {example!r} for instance: that "
        "file may be cut short, and texts be cut into other wordpieces than the encoder was trained with. Compare it "
        "with where it came from."
    )
    ML113 = "'{name}' learns nothing from these {n} examples, and stays as it was loaded. {reason}"
    ML122 = (
        "'{path}' is not the config that the components beside it were saved with. Either it was edited, or saving was "
        "interrupted: then save the pipeline again. To end this warning after an edit, load and save the pipeline."
    )
    ML140 = (
        "'{path}' has use_entity_aware_attention = true but no queries of its own for the pairs with "
        "entities: they start as copies of the plain query, as in LUKE's pretraining, and want training."
    )
    ML141 = (
        "'{name}' was to predict in eight bits (quantize = \"int8\"), which this processor, this device or this torch "
        "cannot: it predicts in {dtype}."
    )
    ML180 = (
        "{n} of {total} masks could not be filled by '{name}': no wordpiece stands there (only whitespace, or "
        "characters that the vocabulary's normalizer removes). They have no fillers."
    )
    ML181 = (
        "{n} of {total} gold entities of '{name}' are left out: their words are not where the predicted document has "
        "them, or they overlap."
    )
    ML182 = (
        "{n} of {total} new names are names of other entities already. They got their entity's key in brackets, as in "
        "'{example}'."
    )
    ML183 = (
        "{n} of {total} new entities have no name with a wordpiece: they start from the mean of the others, and mean "
        "nothing before they are trained."
    )
    ML160 = (
        "Building the entity database of '{source}' ({size} MB) at '{target}'. This happens once and takes "
        "up to a minute; 'python -m spacy_mluke convert' does it ahead of time."
    )
    ML185 = "{n} of {total} gold links of '{name}' cannot be learnt: {reasons}."
    ML186 = (
        "{n} of {total} candidates of mentions are not in the vocabulary of the encoder of '{name}': they keep their "
        "share of the prior, whatever the text says. To let the encoder judge them, add them: 'grow', or "
        ".add_entities()."
    )
    ML190 = (
        "{n} of {total} examples cost more than {limit} rows (wordpieces and entities of their passes): each is a "
        "batch by itself. If memory runs out, split such documents, or set discard_oversize = true in "
        "[training.batcher]."
    )
    ML191 = (
        "{n} of {total} examples cost more than {limit} rows (wordpieces and entities of their passes) and were "
        "discarded. Raise 'max_rows' in [training.batcher], or set discard_oversize = false."
    )
    ML192 = (
        "The encoder of '{name}' was trained with visibility = \"isolated\", and the published classes let all rows "
        "see each other: they will give other logits than the component. Here, name the directory with the same "
        "visibility."
    )
    ML175 = (
        "{n} of {total} gold answers in '{path}' were left out: their text does not stand at 'answer_start', in "
        "characters of the paragraph. {lost} questions have no other answer, and were left out, too. The first is "
        "{first}."
    )
    ML176 = (
        "{n} questions to '{name}' are longer than half of a pass ({limit} wordpieces): their ends were not read. Ask "
        "shorter ones."
    )
    ML177 = (
        "{n} entities had no room beside the others of their window and were not read: a pass takes {limit} "
        "('max_entities')."
    )
    ML178 = (
        "{n} of {total} gold answers of '{name}' cannot be found: they are longer than {limit} wordpieces "
        "('max_answer_pieces'), no window shows them whole, or they hold no wordpiece."
    )
    ML120 = (
        "{n} of {total} files were skipped: {names}. Files are read whose names end in {suffixes}, whatever the case, "
        "with .gz or .zst after it where lines are documents."
    )
    ML121 = (
        "{n} of {total} shards that were done are done again: their files are missing or changed, or what says that "
        "they are done cannot be read."
    )
    ML125 = "{kind} '{old}' of {where} is now called '{new}'. The old name works until version 0.3."
