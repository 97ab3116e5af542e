"""What the use cases need of the outside: protocols, and the values that pass through them."""
