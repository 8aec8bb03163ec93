"""Answers of models, kept by everything that decides about them, so that none is computed twice."""
