"""Measure speed and memory, side by side with the reference implementation on the same weights and texts.

    python -m benchmarks                 encoder: the component, transformers, spacy-transformers, bare matrix products
    python -m benchmarks.encoder_floor   encoder on random input, without documents and tokenizers
    python -m benchmarks.relations       mluke_relations (also .ner, .qa) and the reference's classifier
    python -m benchmarks.training        training steps of mluke_relations and of a plain PyTorch loop
    python -m benchmarks.loading         loading a checkpoint of mluke-base's size
    python -m benchmarks.precision       int8 and bfloat16: differences of vectors from float32
    python -m benchmarks.dense_kernels   libraries that multiply in few bits
    python -m benchmarks.annotating      `spacy_mluke annotate` with more documents and processes
    python -m benchmarks.peers           GLiNER, SpanMarker and spaCy's transformer NER beside a pipeline
    python -m benchmarks.entity_store    building an entity store, and looking names up
    python -m benchmarks.compare OLD     this checkout and another one, for speed before and after a change

Each command documents its output; `--help` lists its options. `timing` has the timing loop of all of them.
"""
