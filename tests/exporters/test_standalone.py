"""An export is whole files in the right place, which run and check themselves where there is nothing but torch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn.utils.prune import l1_unstructured

from cellsearch.errors import CellsearchError, DivergenceError, ExportError
from cellsearch.exporters.standalone import export
from cellsearch.exporters.weights import exported_arrays
from cellsearch.recurrence import RNN
from tests.helpers.alone import TORCH, run
from tests.helpers.exported import ODD, SEEDS, imported


def trained(**settings: object) -> RNN:
    torch.manual_seed(5)
    return RNN(SEEDS["lstm"], 3, 6, 2, backend="reference", **settings)  # type: ignore[arg-type]


def test_a_cell_is_one_file_that_checks_itself_with_torch_alone(tmp_path: Path) -> None:
    (path,) = export(SEEDS["lstm"], tmp_path / "lstm.py")
    result = run(path, alone=TORCH)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("lstm: largest difference ")
    assert result.stdout.endswith(", agrees\n")
    assert result.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_every_odd_cell_checks_itself(name: str, tmp_path: Path) -> None:
    (path,) = export(ODD[name], tmp_path / "odd.py")
    result = run(path)
    assert result.returncode == 0, result.stderr + result.stdout


def test_a_changed_equation_is_noticed(tmp_path: Path) -> None:
    (path,) = export(SEEDS["lstm"], tmp_path / "lstm.py")
    right = path.read_text()
    wrong = right.replace("forget_gate * c + input_gate", "input_gate * c + input_gate")
    assert wrong != right
    path.write_text(wrong)
    result = run(path)
    assert result.returncode == 1
    assert "DISAGREES" in result.stdout


def test_trained_weights_travel_beside_the_source(tmp_path: Path) -> None:
    rnn = trained(dropout=0.1)
    path, weights = export(rnn, tmp_path / "trained.py")
    assert weights == tmp_path / "trained.safetensors"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["trained.py", "trained.safetensors"]
    module = imported(path).load()
    stored = safetensors.torch.load_file(weights)
    assert module.state_dict().keys() == stored.keys()
    assert all(torch.equal(array, stored[name]) for name, array in module.state_dict().items())
    x = torch.randn(7, 2, 3)
    torch.testing.assert_close(module.eval()(x)[0], rnn.eval()(x)[0], rtol=1e-6, atol=1e-6)


def test_a_trained_file_checks_itself_and_notices_other_weights(tmp_path: Path) -> None:
    path, weights = export(trained(batch_first=True, bidirectional=True), tmp_path / "trained.py")
    result = run(path, alone=TORCH)
    assert (result.returncode, result.stderr) == (0, "")
    arrays = safetensors.torch.load_file(weights)
    arrays["cells.3.U_f.weight"][4, 5] += 1e-3
    safetensors.torch.save_file(arrays, weights)
    result = run(path)
    assert result.returncode == 1
    assert "DISAGREES" in result.stdout


def share_a_layer(rnn: RNN) -> None:
    rnn.layers[1] = rnn.layers[0]


def share_an_array(rnn: RNN) -> None:
    rnn.layers[1].weight_0_forget_gate_linear = rnn.layers[0].weight_1_forget_gate_linear


def normalize_weights(rnn: RNN) -> None:
    torch.nn.utils.parametrizations.weight_norm(rnn.layers[0], "weight_0_forget_gate_linear")


def normalize_by_the_largest_singular_value(rnn: RNN) -> None:
    torch.nn.utils.parametrizations.spectral_norm(rnn.layers[0], "weight_0_forget_gate_linear")


def prune(rnn: RNN) -> None:
    l1_unstructured(rnn.layers[0], "weight_0_forget_gate_linear", 0.5)


def lay_all_arrays_into_one(rnn: RNN) -> None:
    everything = torch.randn(sum(array.numel() for array in rnn.parameters()))
    torch.nn.utils.vector_to_parameters(everything, rnn.parameters())


@pytest.mark.parametrize(
    "change",
    [
        share_a_layer,
        share_an_array,
        normalize_weights,
        normalize_by_the_largest_singular_value,
        prune,
        lay_all_arrays_into_one,
    ],
    ids=lambda change: change.__name__,
)
def test_a_module_that_was_changed_as_torch_allows_is_exported_as_it_computes(
    change: Callable[[RNN], None], tmp_path: Path
) -> None:
    rnn = RNN(SEEDS["lstm"], 4, 4, 2)
    change(rnn)
    path, _ = export(rnn.eval(), tmp_path / "changed.py")
    file, x = imported(path), torch.randn(7, 2, 4)
    assert file.check() <= 1e-9
    torch.testing.assert_close(file.load().eval()(x)[0], rnn(x)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("way", ["traced", "exported"])
def test_a_file_that_is_traced_at_one_batch_answers_at_another(way: str, tmp_path: Path) -> None:
    path, _ = export(trained(bidirectional=True), tmp_path / "trained.py")
    module, x, other = imported(path).load().eval(), torch.randn(5, 3, 3), torch.randn(5, 7, 3)
    if way == "traced":
        fixed: object = torch.jit.trace(module, x)
    else:
        batch = torch.export.Dim("batch")
        fixed = torch.export.export(module, (x,), dynamic_shapes=({1: batch},)).module()
    outputs, _ = fixed(other)  # type: ignore[operator]
    torch.testing.assert_close(outputs, module(other)[0])


@pytest.mark.parametrize("damage", ["missing", "cut", "header", "other"])
def test_weights_that_cannot_be_read_give_one_clear_line(damage: str, tmp_path: Path) -> None:
    path, weights = export(trained(), tmp_path / "trained.py")
    content = weights.read_bytes()
    if damage == "missing":
        weights.unlink()
    elif damage == "other":
        safetensors.torch.save_file({"a": torch.zeros(2)}, weights)
    else:
        weights.write_bytes(content[:-40] if damage == "cut" else b"\xff" * 8 + content[8:])
    result = run(path)
    assert result.returncode == 1
    assert result.stderr.startswith("lstm: its weights cannot be read: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_weights_keep_their_precision(dtype: torch.dtype, tmp_path: Path) -> None:
    rnn = trained(dtype=dtype)
    path, _ = export(rnn, tmp_path / "trained.py")
    file = imported(path)
    for name, array in exported_arrays(rnn).items():
        loaded = file.load().state_dict()[name]
        assert loaded.dtype == dtype
        assert torch.equal(loaded, array)
    assert file.check() <= 1e-9


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("lstm.txt", "end in .py"),
        ("lstm", "end in .py"),
        ("my-cell.py", "cannot be imported"),
        ("2nd.py", "cannot be imported"),
        ("class.py", "cannot be imported"),
        ("random.py", "would hide the module 'random'"),
        ("torch.py", "would hide the module 'torch'"),
        ("nowhere/lstm.py", "no folder"),
    ],
)
def test_a_wrong_place_gives_one_clear_line(place: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CellsearchError, match=message) as caught:
        export(SEEDS["rnn"], tmp_path / place)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("model", "way"),
    [
        (nn.ModuleDict({"inner": trained()}), "got a ModuleDict; give its part: model.inner"),
        (nn.LSTM(3, 6), "got a LSTM; it has no RNN in it"),
    ],
)
def test_of_a_model_the_part_that_can_be_exported_is_named(model: Any, way: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=f"export takes a Cell or an RNN, {way}"):
        export(model, tmp_path / "model.py")
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_files_place_gives_one_clear_line_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "lstm.py").mkdir()
    with pytest.raises(CellsearchError, match="cannot write"):
        export(SEEDS["lstm"], tmp_path / "lstm.py")
    assert [file.name for file in tmp_path.iterdir()] == ["lstm.py"]


def test_a_cell_that_leaves_the_finite_numbers_is_not_exported(tmp_path: Path) -> None:
    rnn = trained()
    with torch.no_grad():
        next(rnn.parameters()).fill_(torch.nan)
    with pytest.raises(DivergenceError, match="finite"):
        export(rnn, tmp_path / "growing.py")
    assert list(tmp_path.iterdir()) == []
