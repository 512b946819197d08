"""Search spaces: each file is one space with its vocabulary of operations, seed cells, edits and limits."""
