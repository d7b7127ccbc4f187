"""Errors of the components: ML070 to ML089, ML200 to ML244."""


class TaskErrors:
    # --- pipeline ---
    ML070 = "'{value}' is not a value for '{option}'. Choose from: {choices}.{hint}"
    ML071 = "'{option}' is {value}; it must be at least {least}."
    ML072 = (
        'visibility = "isolated" promises that an entity\'s vector does not depend on the other entities, but '
        'segmentation = "{segmentation}" cuts the text at all of them. Use segmentation = "plain" or "auto".'
    )
    ML073 = (
        "Component '{listener}' listens to '{name}', which keeps no token states. Set keep_token_states = true in "
        "[components.{name}]."
    )
    ML074 = (
        "The suggester gave {n} lengths for {n_docs} documents and {rows} spans for lengths that sum to {total}. It "
        "must return a Ragged with one length per document and a (start, end) row per span."
    )
    ML075 = (
        "'{name}' does not know any labels yet. Train it (nlp.initialize, or spacy train), load a trained pipeline, or "
        "name a checkpoint that was fine-tuned for this task in [components.{name}.model.encoder]."
    )
    ML076 = (
        "The annotation has the label '{label}', which '{name}' does not know.{hint} Add it with add_label() before "
        "training, or pass all labels to initialize()."
    )
    ML077 = (
        "No annotation for '{name}' in the examples: {wanted}. A corpus on disk keeps it only if its DocBin was made "
        "with store_user_data=True."
    )
    ML078 = (
        "The head of '{path}' has a weight of shape {found}, and '{name}' takes (labels, {width}): it was fine-tuned "
        "for another task. Choose a checkpoint of a {kind} model, or train this component on the encoder."
    )
    ML079 = (
        "'{name}' has {labels} labels, and its head has {rows} rows. Labels ('id2label', or the saved cfg) and weights "
        "must come from one model."
    )
    ML080 = (
        "Span {span} is not among those that 'mluke' encoded for this document, so there is no state for it. Let "
        "mluke's suggester suggest the spans that this component reads (by default, both take doc.ents), and put "
        "components that set entities before mluke; or give this one an encoder of its own (spacy-mluke.Encoder.v1)."
    )
    ML081 = (
        "There are no states of 'mluke' on this document, and spacy-mluke.EncoderListener.v1 reads them. Put 'mluke' "
        "before this component; when it is frozen in training, name it in 'annotating_components'."
    )
    ML082 = (
        "The listener got a pass over other documents than it is asked for. Update 'mluke' and the components that "
        "listen to it with the same examples, as nlp.update does."
    )
    ML084 = (
        "doc._.mluke_relations takes a list of Relation objects with spans of that document; got {found}. Make them "
        'with Relation(head=doc[0:1], tail=doc[3:4], label="...").'
    )
    ML085 = "A label must be a string that is not empty; got {label}."
    ML086 = (
        "The pair {pair} of document {n} has two gold labels, '{first}' and '{second}', and one pair has one label. "
        "Remove one of them, or join them to one label."
    )
    ML087 = "'{path}' does not hold the head of '{name}': {reason}. Copy the saved pipeline again."
    ML088 = (
        "'{path}', line {line}: {reason}. A sentence takes an id, a tab and the text with <e1> </e1> and <e2> </e2>; "
        "its label stands on the next line."
    )
    ML089 = "'labels' lists pairs, a head's label and a tail's, such as [[\"ORG\", \"LOC\"]]; got {found}."
    ML205 = (
        "'{name}' has not learnt which candidates to look at. Let it learn that: .learn_pruning(examples), or python "
        "-m spacy_mluke prune. A head that reads words alone, spacy-mluke.BoundaryClassifier.v1, has nothing to gain."
    )
    ML206 = (
        "spacy-mluke.MarkerClassifier.v1 reads the markers around head and tail, and got '{found}': the pass that "
        "'mluke' makes has none. Use spacy-mluke.Encoder.v1."
    )
    # --- question answering ---
    ML210 = (
        "doc._.mluke_questions takes a list of questions, each a text, a Question or a Doc; got {found}. For instance: "
        'doc._.mluke_questions = ["Who wrote it?"].'
    )
    ML211 = (
        "doc._.mluke_answers takes a list for each of the document's {n} questions, of Answer objects or spans of that "
        "document, empty where it has no answer; got {found}. Set doc._.mluke_questions first."
    )
    ML212 = (
        "'{name}' has not been trained to answer questions. Train it (nlp.initialize, or spacy train), load a trained "
        "pipeline, or name a checkpoint of LukeForQuestionAnswering in [components.{name}.model.encoder]."
    )
    ML213 = (
        "'{path}' cannot be read as question answering data: {reason}. Pass a JSON file in the format of SQuAD (1.1 or "
        "2.0), a .spacy file made with store_user_data=True, or a directory of them."
    )
    ML214 = (
        "'{name}' reads question and document together, in passes of their own, and cannot listen to 'mluke'. Set "
        "spacy-mluke.Encoder.v1 in [components.{name}.model.encoder]."
    )
    ML215 = (
        "The entity {found} does not lie in the question '{text}'. Entities of a Question are (start, end) or (start, "
        "end, name), in characters of its text; or pass a Doc with entities."
    )
    ML216 = (
        "A reference document and its predicted one have different texts ({found}), so answers have no place there. "
        "Make both of the same text."
    )
    # --- masked entities and words ---
    ML220 = (
        "Two spans whose words are to be hidden overlap, and one text cannot have both masks. Pass them in documents "
        "of their own."
    )
    ML221 = (
        "The checkpoint '{name}' has no head for masked {what} ('{head}'), so '{pipe}' cannot fill masks. Train it "
        "(nlp.initialize with examples whose entities have kb_id_, then nlp.update, or spacy train), load a trained "
        "pipeline, or name a checkpoint of LukeForMaskedLM, such as 'studio-ousia/mluke-base', in "
        "[components.{pipe}.model.encoder]."
    )
    ML222 = (
        "The vocabulary of '{name}' has only special entities, so no entity can fill a mask. Take a checkpoint that is "
        "not 'lite', or add entities: nlp.initialize collects those of its examples, 'add_entities' takes yours."
    )
    ML223 = (
        "No entity of '{name}' is called '{candidate}'{lang}. Candidates are names as the vocabulary has them "
        "('en:Tokyo'), titles in the language of the text, or kb_ids; mode \"word\" takes any text."
    )
    ML224 = (
        "Masked entities need an encoder of their own (spacy-mluke.Encoder.v1): the pass that 'mluke' made shows the "
        "words that are to be hidden. Change [components.NAME.model.encoder]."
    )
    ML225 = (
        "The head '{head}' of '{path}' does not fit its encoder. Missing: {missing}. Of another shape: {shapes}. Copy "
        "the weights again from where they came from."
    )
    ML226 = (
        "A new entity needs a key and at least one name: got {found}. Make it with NewEntity(key, names), names being "
        "a dictionary, language -> title or [title, alias...]."
    )
    ML227 = (
        "'{path}' does not hold mLAMA data: {reason}. Pass the folder with triples.tsv, labels.LANG.tsv and "
        "patterns.LANG.jsonl."
    )
    ML228 = (
        "doc._.mluke_fillers takes a list of Filler objects for each mask, and the text has {n} marked '{marker}'; got "
        "{found}. Make them with Filler(text, entity, score, kb_id)."
    )
    ML229 = (
        "'{name}' has the label '{label}', and the vocabulary of its encoder no entity of that name. Labels (the saved "
        "cfg) and encoder must come from one model; new entities go through add_entities() or initialize()."
    )
    # --- entity store and linking ---
    ML230 = (
        "'{path}' is not an entity store that this version reads: {reason}. Build one: "
        "python -m spacy_mluke entities build SOURCE TARGET"
    )
    ML231 = (
        "'{path}', line {line}: {reason}. A name takes an id and a name, and may have a language, a type and a prior "
        "of 0 or more: columns id, language, name, type, prior, or JSON with these keys."
    )
    ML232 = (
        "The entity store '{target}' cannot be written: {reason}. While it is built it takes about three times its "
        "size there, and room for sorting in the folder for temporary files."
    )
    ML233 = "There is no entity '{id}' in '{path}'. Look names up with .candidates(name)."
    ML234 = (
        "'{path}' {found}. An entity store is built from .tsv, .csv, .jsonl or .json (which may be .gz, .bz2, .xz), "
        "from an entity_vocab.json, or from a checkpoint's directory."
    )
    ML235 = "'{path}' is there already. Name another file, or pass --force to replace it."
    ML236 = (
        "This knowledge base has no entity store. Name one in the config (path), or load it with from_disk: "
        "python -m spacy_mluke entities build SOURCE TARGET builds one."
    )
    ML237 = (
        "There is no knowledge base to take candidates from. Name one in "
        "[components.mluke_linker.candidates.kb_loader] (such as spacy.KBFromFile.v1), or in "
        "[initialize.components.mluke_linker]; or use an entity store (spacy-mluke.store_candidates.v1)."
    )
    # --- named entities ---
    ML200 = (
        "spacy-mluke.SpanClassifier.v1 needs an encoder of its own, and got '{found}'. The candidates of mluke_ner are "
        "not the entities that 'mluke' encodes, so it cannot listen to that one. Use spacy-mluke.Encoder.v1."
    )
    ML201 = (
        'spacy-mluke.SpanClassifier.v1 takes an encoder with entity_input = "mask", and got "{found}": who a candidate '
        "is, is not known before it is found."
    )
    ML202 = (
        "The checkpoint of '{name}' has the labels {labels}, and none of them is '{label}', the class of what is no "
        "name.{hint} Set negative_label in [components.{name}] to what the checkpoint calls it."
    )
    ML203 = (
        "The span {span} of document {n} has two gold labels, '{first}' and '{second}', and one span has one label. "
        "Remove one of them, or join them to one label."
    )
    ML204 = (
        "No annotation for '{name}' in the examples: set {where} of the reference documents, where there are no names "
        "too (doc.ents = [])."
    )
