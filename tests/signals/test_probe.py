from __future__ import annotations

import torch

from cellsearch import plugins
from cellsearch.signals import probe


def test_a_probe_is_the_same_for_a_seed_and_leaves_the_generator_of_torch_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    one, two, other = (probe(plugins.seed("lstm"), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(one.outputs()[0], two.outputs()[0])
    assert not torch.equal(one.outputs()[0], other.outputs()[0])


def test_a_gain_multiplies_all_weights() -> None:
    one, two = probe(plugins.seed("rnn")), probe(plugins.seed("rnn"))
    with torch.no_grad():
        for array in two.rnn.parameters():
            array *= 3
    torch.testing.assert_close(one.outputs(3)[0], two.outputs()[0])


def test_outputs_come_with_the_last_value_of_every_state() -> None:
    outputs, (h, c) = probe(plugins.seed("lstm"), hidden_size=5, steps=7, batch=3).outputs()
    assert outputs.shape == (7, 3, 5)
    assert h.shape == c.shape == (3, 5)
    assert torch.equal(outputs[-1], h)


def test_shaking_moves_every_learned_number_of_a_copy() -> None:
    fresh = probe(plugins.seed("gru"))
    before = [array.clone() for array in fresh.rnn.parameters()]
    shaken = fresh.shaken()
    for old, same, new in zip(before, fresh.rnn.parameters(), shaken.rnn.parameters(), strict=True):
        assert torch.equal(old, same)
        assert bool((old != new).all())
