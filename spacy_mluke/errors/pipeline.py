"""Errors of the components and their heads: ML072 to ML089, ML200 to ML229, ML385 to ML389, ML403, ML404,
ML410, ML411, ML413, ML425 to ML428, ML468, ML469."""


class PipelineErrors:
    # --- every component ---
    ML072 = (
        'visibility = "isolated" makes an entity\'s vector independent of the other entities, but segmentation = '
        '"{segmentation}" splits the text at all entities. Use segmentation = "plain" or "auto".'
    )
    ML073 = (
        "Component '{listener}' listens to '{name}', which does not keep token states. Set keep_token_states = true in "
        "[components.{name}]."
    )
    ML074 = (
        "The suggester returned {n} lengths for {n_docs} documents, and {rows} spans for lengths with the sum {total}. "
        "It must return a Ragged with one length for each document and one row (start, end) for each span."
    )
    ML075 = (
        "'{name}' has no labels yet. Train it (nlp.initialize, or spacy train), load a trained pipeline, or set a "
        "checkpoint that was fine-tuned for this task in [components.{name}.model.encoder]."
    )
    ML076 = (
        "The annotation has the label '{label}', which is not a label of '{name}'.{hint} Add it with add_label() "
        "before training, or pass all labels to initialize()."
    )
    ML077 = (
        "The examples have no annotation for '{name}': {wanted}. A corpus on disk keeps it only if its DocBin was "
        "created with store_user_data=True."
    )
    ML078 = (
        "The head of '{path}' has a weight of shape {found}, and '{name}' needs (labels, {width}): it was fine-tuned "
        "for another task. Choose a checkpoint of a {kind} model, or train this component on the encoder."
    )
    ML079 = (
        "'{name}' has {labels} labels, and its head has {rows} rows. Labels ('id2label', or the saved cfg) and weights "
        "must be from one model."
    )
    ML080 = (
        "'mluke' did not encode the span {span} of this document, so there is no state for it. Let mluke's suggester "
        "suggest the spans that this component reads (by default, both take doc.ents), and put components that set "
        "entities before mluke; or give this component its own encoder (spacy-mluke.Encoder.v1)."
    )
    ML081 = (
        "This document has no states of 'mluke', and spacy-mluke.EncoderListener.v1 needs them. Put 'mluke' before "
        "this component; if 'mluke' is frozen in training, add it to 'annotating_components'."
    )
    ML082 = (
        "The listener received states of other documents than it must read. Update 'mluke' and the components that "
        "listen to it with the same examples, as nlp.update does."
    )
    ML083 = (
        "This component listens to '{upstream}', and is not connected to it. Add '{upstream}', a mluke_ner, to the "
        "pipeline before this component; or give this component its own encoder (spacy-mluke.Encoder.v1)."
    )
    ML084 = (
        "doc._.mluke_relations takes a list of Relation objects with spans of that document; got {found}. Create them "
        'with Relation(head=doc[0:1], tail=doc[3:4], label="...").'
    )
    ML413 = (
        "doc.spans['{key}'] has spans outside the {n} tokens of the document: tokens were merged after the group was "
        "set (merge_entities, doc.retokenize), and spaCy does not move the spans of groups. Remove the group before "
        "tokens are merged, with del doc.spans['{key}']: entities, links, relations and vectors do not need it."
    )
    ML085 = "A label must be a string that is not empty; got {label}."
    ML086 = (
        "The pair {pair} of document {n} has two gold labels, '{first}' and '{second}'. A pair has one label: remove "
        "one of them, or merge them."
    )
    ML087 = "'{path}' cannot be read as the head of '{name}': {reason}. Copy the saved pipeline again."
    ML088 = (
        "'{path}', line {line}: {reason}. A sentence has an id, a tab and the text with <e1> </e1> and <e2> </e2>; its "
        "label is on the next line."
    )
    ML089 = '\'labels\' must be a list of pairs of labels, head and tail, such as [["ORG", "LOC"]]; got {found}.'
    # --- named entities and relations ---
    ML200 = (
        "spacy-mluke.SpanClassifier.v1 needs its own encoder, and got '{found}'. It classifies candidate spans, which "
        "'mluke' does not encode, so it cannot be a listener. Use spacy-mluke.Encoder.v1."
    )
    ML201 = (
        'spacy-mluke.SpanClassifier.v1 needs an encoder with entity_input = "mask", and got "{found}": the identity of '
        "a candidate span is not known yet."
    )
    ML202 = (
        "The checkpoint of '{name}' has the labels {labels}, and none of them is '{label}', the negative class.{hint} "
        "Set negative_label in [components.{name}] to the checkpoint's negative class."
    )
    ML203 = (
        "The span {span} of document {n} has two gold labels, '{first}' and '{second}'. A span has one label: remove "
        "one of them, or merge them."
    )
    ML204 = (
        "The examples have no annotation for '{name}': set {where} of the reference documents, also where there are no "
        "entities (doc.ents = [])."
    )
    ML205 = (
        "'{name}' has not been trained to prune candidates. Train it with .learn_pruning(examples), or python -m "
        "spacy_mluke prune. A head that reads words alone, spacy-mluke.BoundaryClassifier.v1, does not need pruning."
    )
    ML403 = (
        "'{name}' finds no entity in these texts, so it cannot learn which candidates become entities. Give it texts "
        "with entities, of the kind that it was trained on."
    )
    ML404 = (
        "The 'candidate_weights' of '{name}' lack {missing}. Train them with .learn_candidate_weights(docs), or set "
        "them to null."
    )
    ML410 = (
        "span_vectors = \"centered\" of '{name}' subtracts mean states, and there are none for the checkpoint "
        "'{checkpoint}'. Compute them with .fit_span_means(docs), or set span_vectors = \"both\"."
    )
    ML411 = (
        "The documents have no spans with states, so '{name}' cannot compute means. Pass documents in which its "
        "suggester finds spans: by default, with entities in doc.ents."
    )
    ML206 = (
        "spacy-mluke.MarkerClassifier.v1 reads the markers around head and tail, and got '{found}': the sequences of "
        "'mluke' have no markers. Use spacy-mluke.Encoder.v1."
    )
    ML385 = (
        "spacy-mluke.MentionPairClassifier.v1 reads the words of a text; spacy-mluke.EncoderListener.v1 has the states "
        "of entities alone. Use spacy-mluke.PassageListener.v1, which listens to mluke_ner, or spacy-mluke.Encoder.v1."
    )
    ML386 = (
        "'{listener}' listens to '{name}', whose candidates attend to each other: their states differ from those that "
        'the listener was trained on. Set visibility = "isolated" in [components.{name}.model.encoder], and train it.'
    )
    # --- question answering ---
    ML210 = (
        "doc._.mluke_questions takes a list of questions, each a text, a Question or a Doc; got {found}. For instance: "
        'doc._.mluke_questions = ["Who wrote it?"].'
    )
    ML211 = (
        "doc._.mluke_answers takes one list for each of the document's {n} questions, with Answer objects or spans of "
        "that document, empty if there is no answer; got {found}. Set doc._.mluke_questions first."
    )
    ML212 = (
        "'{name}' has not been trained to answer questions. Train it (nlp.initialize, or spacy train), load a trained "
        "pipeline, or set a checkpoint of LukeForQuestionAnswering in [components.{name}.model.encoder]."
    )
    ML213 = (
        "'{path}' cannot be read as question answering data: {reason}. Pass a JSON file in the format of SQuAD (1.1 or "
        "2.0), a .spacy file written with store_user_data=True, or a directory of such files."
    )
    ML214 = (
        "'{name}' encodes the question and the document together, so it cannot listen to 'mluke'. Set "
        "spacy-mluke.Encoder.v1 in [components.{name}.model.encoder]."
    )
    ML215 = (
        "The entity {found} is not inside the question '{text}'. Entities of a Question are (start, end) or (start, "
        "end, name), in characters of its text; or pass a Doc with entities."
    )
    ML216 = (
        "A reference document and its predicted document have different texts ({found}), so answers have no position "
        "in the predicted one. Create both from the same text."
    )
    # --- masked entities and words ---
    ML220 = (
        "Two spans that are to be masked overlap, and a text can have only one of the two masks. Pass them in two "
        "documents."
    )
    ML221 = (
        "The checkpoint '{name}' has no head for masked {what} ('{head}'), so '{pipe}' cannot fill masks. Train it "
        "(nlp.initialize with examples whose entities have kb_id_, then nlp.update, or spacy train), load a trained "
        "pipeline, or set a checkpoint of LukeForMaskedLM, such as 'studio-ousia/mluke-base', in "
        "[components.{pipe}.model.encoder]."
    )
    ML222 = (
        "The vocabulary of '{name}' has only special entities, so no entity can fill a mask. Use a checkpoint that is "
        "not 'lite', or add entities: nlp.initialize adds those of its examples, 'add_entities' those that you pass."
    )
    ML223 = (
        "'{name}' has no entity '{candidate}'{lang}. Candidates are names of the vocabulary ('en:Tokyo'), titles in "
        'the language of the text, or kb_ids; mode "word" takes any text.'
    )
    ML224 = (
        "Filling masks needs its own encoder (spacy-mluke.Encoder.v1): the sequences of 'mluke' contain the words that "
        "are to be masked. Change [components.NAME.model.encoder]."
    )
    ML225 = (
        "The head '{head}' of '{path}' does not fit its encoder. Missing: {missing}. With another shape: {shapes}. "
        "Copy the weights again."
    )
    ML226 = (
        "A new entity needs a key and at least one name; got {found}. Create it with NewEntity(key, names), where "
        "names is a dictionary, language -> title or [title, alias...]."
    )
    ML227 = (
        "'{path}' cannot be read as mLAMA data: {reason}. Pass the folder with triples.tsv, labels.LANG.tsv and "
        "patterns.LANG.jsonl."
    )
    ML228 = (
        "doc._.mluke_fillers takes a list of Filler objects for each mask, and the text has {n} masks '{marker}'; got "
        "{found}. Create them with Filler(text, entity, score, kb_id)."
    )
    ML229 = (
        "'{name}' has the label '{label}', and the vocabulary of its encoder has no such entity. Labels (the saved "
        "cfg) and encoder must be from one model; add new entities with add_entities() or initialize()."
    )

    # --- known names ---
    ML468 = "Known names cannot be read from {source}: {reason}. Save the component again, or learn them again."
    ML469 = (
        "Component '{name}' cannot learn what known names say: of {n:,} examples, none has annotated entities that are "
        "among its candidates. Pass annotated examples, with entities in {where}."
    )

    # --- further fillers ---
    ML425 = (
        "The rows of {n} further entities ('entity_rows') were trained for another checkpoint than '{name}'. Set "
        "entity_rows to null, or to a file of rows that were trained for this one."
    )
    ML426 = (
        "'{path}' cannot be read as rows of entities: {reason}. Set entity_rows to null, or to a file that "
        "EntityRows.to_disk wrote."
    )
    ML427 = (
        "'{name}' has entity_rows, but no knowledge base with the names of these entities. Set 'candidates' of the "
        "component, or set entity_rows to null."
    )
    ML428 = (
        "No filler of '{name}' has one of the types {types}. Types of its entities: {known}. They are those of the "
        "knowledge base ('candidates' of the component)."
    )
