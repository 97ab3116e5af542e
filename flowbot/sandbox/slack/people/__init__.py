"""People who act in tests, so that tests read as sentences."""
