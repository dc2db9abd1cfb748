"""What one step of an attacker can be: a module for each family, each a function from the model to edges."""
