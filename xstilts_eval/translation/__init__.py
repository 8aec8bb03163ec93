"""`xstilts translate`: English training data carried over into other languages."""
