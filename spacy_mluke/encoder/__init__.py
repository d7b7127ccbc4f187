"""AlignedBatch -> EncoderOutput. torch lives here."""
