"""The study: a grid of bases, intermediate tasks and seeds, trained and scored cell by cell, kept in small pieces."""
