"""Cells of the zoo that a search has found: by evolution, by reinforcement learning, by gradient.

Biases start at 0. Each linear has one bias, also where a paper writes none.
"""

from __future__ import annotations

from typing import Final

from cellsearch.cell import from_equations

__all__ = ["CELLS"]

MUT1 = from_equations(
    "mut1",
    """
    update_gate = sigmoid(linear(x))
    reset_gate = sigmoid(linear(x, h))
    candidate = tanh(linear(reset_gate * h) + tanh(x))
    h_next = candidate * update_gate + h * (1 - update_gate)
    """,
    states=["h"],
    output="h_next",
)
"""Jozefowicz, Zaremba & Sutskever (2015), An empirical exploration of recurrent network architectures, ICML.

The input stands outside of a matrix product; where its size differs it is projected.
"""

MUT2 = from_equations(
    "mut2",
    """
    update_gate = sigmoid(linear(x, h))
    reset_gate = sigmoid(x + linear(h))
    candidate = tanh(linear(x, reset_gate * h))
    h_next = candidate * update_gate + h * (1 - update_gate)
    """,
    states=["h"],
    output="h_next",
)
"""Jozefowicz, Zaremba & Sutskever (2015), An empirical exploration of recurrent network architectures, ICML.

The input stands outside of a matrix product; where its size differs it is projected.
"""

MUT3 = from_equations(
    "mut3",
    """
    update_gate = sigmoid(linear(x, tanh(h)))
    reset_gate = sigmoid(linear(x, h))
    candidate = tanh(linear(x, reset_gate * h))
    h_next = candidate * update_gate + h * (1 - update_gate)
    """,
    states=["h"],
    output="h_next",
)
"""Jozefowicz, Zaremba & Sutskever (2015), An empirical exploration of recurrent network architectures, ICML."""

NAS_CELL = from_equations(
    "nas_cell",
    """
    first_1 = sigmoid(linear(x, h))
    first_2 = relu(linear(x, h))
    first_3 = sigmoid(linear(x, h))
    first_4 = relu(linear(x) * linear(h))
    first_5 = tanh(linear(x, h))
    first_6 = sigmoid(linear(x, h))
    first_7 = tanh(linear(x, h))
    first_8 = sigmoid(linear(x, h))
    second_1 = tanh(tanh(first_1 * first_2) + c)
    second_2 = tanh(first_3 + first_4)
    second_3 = tanh(first_5 * first_6)
    second_4 = sigmoid(first_7 + first_8)
    c_next = second_1 * second_2
    h_next = tanh(c_next * tanh(second_3 + second_4))
    """,
    states=["h", "c"],
    output="h_next",
)
"""Zoph & Le (2017), Neural architecture search with reinforcement learning, ICLR; as in TensorFlow's NASCell."""

ENAS_CELL = from_equations(
    "enas_cell",
    """
    s0 = blend(sigmoid(linear(x, h)), tanh(linear(x, h)), h)
    s1 = blend(sigmoid(linear(s0)), tanh(linear(s0)), s0)
    s2 = blend(sigmoid(linear(s1)), relu(linear(s1)), s1)
    s3 = blend(sigmoid(linear(s2)), relu(linear(s2)), s2)
    s4 = blend(sigmoid(linear(s2)), tanh(linear(s2)), s2)
    s5 = blend(sigmoid(linear(s2)), tanh(linear(s2)), s2)
    s6 = blend(sigmoid(linear(s5)), relu(linear(s5)), s5)
    s7 = blend(sigmoid(linear(s1)), tanh(linear(s1)), s1)
    s8 = blend(sigmoid(linear(s6)), relu(linear(s6)), s6)
    s9 = blend(sigmoid(linear(s8)), relu(linear(s8)), s8)
    s10 = blend(sigmoid(linear(s8)), relu(linear(s8)), s8)
    s11 = blend(sigmoid(linear(s8)), relu(linear(s8)), s8)
    h_next = 0.16666666666666666 * (s3 + s4 + s7 + s9 + s10 + s11)
    """,
    states=["h"],
    output="h_next",
)
"""Pham, Guan, Zoph, Le & Dean (2018), Efficient neural architecture search via parameter sharing, ICML.

The cell is that of the authors' script for the Penn Treebank; the output is the mean of the nodes that no other reads.
"""

DARTS_V1 = from_equations(
    "darts_v1",
    """
    s0 = blend(sigmoid(linear(x, h)), tanh(linear(x, h)), h)
    s1 = blend(sigmoid(linear(s0)), relu(linear(s0)), s0)
    s2 = blend(sigmoid(linear(s1)), relu(linear(s1)), s1)
    s3 = blend(sigmoid(linear(s2)), tanh(linear(s2)), s2)
    s4 = blend(sigmoid(linear(s3)), relu(linear(s3)), s3)
    s5 = blend(sigmoid(linear(s4)), relu(linear(s4)), s4)
    s6 = blend(sigmoid(linear(s1)), linear(s1), s1)
    s7 = blend(sigmoid(linear(s5)), relu(linear(s5)), s5)
    s8 = blend(sigmoid(linear(s1)), relu(linear(s1)), s1)
    h_next = 0.125 * (s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8)
    """,
    states=["h"],
    output="h_next",
)
"""Liu, Simonyan & Yang (2019), DARTS: Differentiable architecture search, ICLR; the cell of the first-order search.

The genotype is the authors' DARTS_V1; the output is the mean of all nodes but the first.
"""

DARTS_V2 = from_equations(
    "darts_v2",
    """
    s0 = blend(sigmoid(linear(x, h)), tanh(linear(x, h)), h)
    s1 = blend(sigmoid(linear(s0)), sigmoid(linear(s0)), s0)
    s2 = blend(sigmoid(linear(s1)), relu(linear(s1)), s1)
    s3 = blend(sigmoid(linear(s1)), relu(linear(s1)), s1)
    s4 = blend(sigmoid(linear(s1)), linear(s1), s1)
    s5 = blend(sigmoid(linear(s2)), tanh(linear(s2)), s2)
    s6 = blend(sigmoid(linear(s5)), sigmoid(linear(s5)), s5)
    s7 = blend(sigmoid(linear(s3)), tanh(linear(s3)), s3)
    s8 = blend(sigmoid(linear(s5)), relu(linear(s5)), s5)
    h_next = 0.125 * (s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8)
    """,
    states=["h"],
    output="h_next",
)
"""Liu, Simonyan & Yang (2019), DARTS: Differentiable architecture search, ICLR; the cell of the second-order search.

The genotype is the authors' DARTS_V2; the output is the mean of all nodes but the first.
"""

BC3 = from_equations(
    "bc3",
    """
    f = sigmoid(linear(x, h))
    z = linear(c) * linear(x)
    c_next = tanh(f * linear(x) + (1 - f) * z)
    o = linear(x, h)
    h_next = o * c_next
    """,
    states=["h", "c"],
    output="h_next",
)
"""Schrimpf, Merity, Bradbury & Socher (2017), A flexible approach to automated RNN architecture generation, arXiv
1712.07316: an output gate without an activation, a product of two linears in the memory.

Written from memory of the paper, whose text was not at hand: compare it with the paper before you publish numbers.
"""

CELLS: Final = {
    MUT1: "Jozefowicz et al. 2015",
    MUT2: "Jozefowicz et al. 2015",
    MUT3: "Jozefowicz et al. 2015",
    NAS_CELL: "Zoph & Le 2017",
    ENAS_CELL: "Pham et al. 2018",
    DARTS_V1: "Liu et al. 2019",
    DARTS_V2: "Liu et al. 2019",
    BC3: "Schrimpf et al. 2017",
}
"""Every cell of this file and the publication that it is from."""
