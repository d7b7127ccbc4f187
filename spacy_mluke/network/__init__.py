"""The PyTorch modules of LUKE: embeddings, attention, layers, masked-LM heads, and kernels for CPUs."""
