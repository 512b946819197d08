"""JAX: a module as source of Equinox that reads like its equations, with the weights that the standalone file has."""
