"""Checkpoints, and the host's model class that answers requests with heads, language models or vectors."""
