"""Engines: what answers a model's requests. Which one does is decided in `worker/assembly.py`."""
