"""What norms and pools keep where the shape or the batch makes a difference, worked out by hand."""

from __future__ import annotations

from test_memory import written

from vcalc.layers import KINDS
from vcalc.layers.tensors import STATISTIC, Tensor

VECTOR, MAP = (6,), (6, 8, 10)


def test_a_vector_has_one_mean_and_one_deviation():
    norm = KINDS["layernorm"]()
    assert written(norm.saved((VECTOR,), VECTOR)) == "input 0, mean 1 statistic, inverse deviation 1 statistic"


def test_along_the_last_size_of_a_map_every_row_has_a_mean():
    norm = KINDS["layernorm"](over="last")
    assert written(norm.saved((MAP,), MAP)) == "input 0, mean 48 statistic, inverse deviation 48 statistic"


def test_a_vector_has_one_root_mean_square():
    norm = KINDS["rmsnorm"]()
    root = "inverse root mean square 1 statistic, normalized 6"
    assert written(norm.saved((VECTOR,), VECTOR)) == f"input 0, {root}"
    squares = "squares 6, means 1, means and epsilon 1"
    assert written(*norm.steps((VECTOR,), VECTOR, True)) == f"{squares} | {root}, output"


def test_what_the_batch_does_not_multiply():
    """A batch norm's statistics are those of the batch; how much of a window lies on the map is the same in each."""
    norm = KINDS["batchnorm"]()
    names = ("mean", "inverse deviation")
    assert norm.saved((MAP,), MAP)[1:] == tuple(Tensor(name, 6, STATISTIC, False) for name in names)
    pool = KINDS["avgpool"](kernel=3, stride=1, pad="same", count_pad=False)
    assert pool.saved((MAP,), MAP)[-1] == Tensor("shares", 80, per_image=False)
