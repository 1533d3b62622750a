"""Rotation: new keys for a purpose and its subjects, and rows encrypted anew. See docs/vault.md."""
