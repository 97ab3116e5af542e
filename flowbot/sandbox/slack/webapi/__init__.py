"""The Web API: one function for each method, one table of them all."""
