"""Data folders: files are found, fetched, checked and read, whatever the dataset; always in the official formats."""
