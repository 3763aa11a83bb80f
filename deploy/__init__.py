"""How Trait d'union is run: here for real on one machine, elsewhere in containers."""
