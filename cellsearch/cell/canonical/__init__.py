"""Which cells are the same: the canonical form, its hash, the identity, and the family that differs in signs alone.

`form` leads a cell through the other files. Beside them, what becomes of a GRU, h' = z * h + (1 - z) * c, on the way:

    cell
     | terms           values, each once       x, h, the gates r and z, the candidate c: each is a number
     | rules           rewritten               blend(z, h, c) is z h + (1 - z) c; once products are multiplied out,
     |                                         h' = c + z h - z c, whatever the brackets were
     | learned_arrays  joined                  linear(x) + linear(h) inside of a gate is linear(x, h)
     | signs           where open, both tried  none is: one form
     | labelling       ordered without names   each value gets a rank, so that the text is the smallest
    form, values in order
     |-- identity      as text, hashed         2d4b2211e6ff88f1
     |-- parity        gates as 1/2 + t        h' = h/2 + c/2 + t h - t c
     |   family        signs left open, hashed 17747b7e41a64a19
     |-- to_cell       as a cell again         of x, state_1, linear_1, ..; and whose arrays each linear has

docs/internals.md shows each stage in full.
"""
