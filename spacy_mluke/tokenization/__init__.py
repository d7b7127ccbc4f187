"""Encode text as wordpieces with character offsets.

`load.load_wordpieces` opens the vocabulary of a checkpoint: sentencepiece (mLUKE, Japanese LUKE) or byte-level BPE
(LUKE).
"""
