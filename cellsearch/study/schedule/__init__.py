"""How long candidates train, and how long a search goes on."""
