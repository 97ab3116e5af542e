"""Enkapush for flowbot: its flows and segments read, its flows written, their images fetched."""
