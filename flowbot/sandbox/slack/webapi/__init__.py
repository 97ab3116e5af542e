"""The Web API: a function for each method, and a registry of them all."""
