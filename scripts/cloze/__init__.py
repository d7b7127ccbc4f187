"""Questions of mLAMA about the entities of a knowledge base, and what an encoder answers."""
