"""mLUKE for spaCy: contextual vectors for words and entities, and the tasks that stand on them.

Importing this package loads nothing heavy: spaCy imports it whenever a `Language` is made.
"""

__version__ = "0.1.0"
