"""What the encoder and the heads found -> Doc. Only this folder writes to a Doc."""
