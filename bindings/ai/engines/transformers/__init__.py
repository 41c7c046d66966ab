"""Models that vLLM cannot run, in transformers, in the same kind of host behind the same protocol."""
