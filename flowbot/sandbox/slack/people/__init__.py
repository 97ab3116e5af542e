"""People who act in tests."""
