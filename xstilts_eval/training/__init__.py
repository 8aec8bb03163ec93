"""Recipes and their stages: from a base checkpoint and examples to a bundle, without the host."""
