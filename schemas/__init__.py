"""The shared language of Trait d'union, and how anyone checks what is said in it."""
