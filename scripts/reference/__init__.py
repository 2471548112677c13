"""Pages that are written from the source: `python -m scripts.reference` writes them, a test holds them to it."""
