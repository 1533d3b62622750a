"""Places outside where heads are anchored."""
