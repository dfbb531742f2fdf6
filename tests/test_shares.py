import ast
from pathlib import Path

import pytest
import torch

import sksynth
from sksynth import _shares

PACKAGE = Path(sksynth.__file__).parent
NETWORKS = [*(PACKAGE / "nn").glob("*.py"), *(PACKAGE / "diffusion").glob("*.py")]
DRAWS = {"rand", "randn", "randint", "rand_like", "randn_like", "bernoulli", "normal"}


def draws_of_a_batch(tree):
    """Lines of random numbers that a forward pass draws by itself.

    Weights (``__init__``), own generators, and what :func:`of_batch` is given, a
    lambda, are something else.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Lambda) or getattr(node, "name", "") == "__init__":
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            is_torch = ast.unparse(node.func.value) == "torch"
            is_own = any(keyword.arg == "generator" for keyword in node.keywords)
            if is_torch and node.func.attr in DRAWS and not is_own:
                yield node.lineno
        yield from draws_of_a_batch(node)


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.name)
def test_networks_draw_for_the_whole_batch(path):
    assert list(draws_of_a_batch(ast.parse(path.read_text()))) == []


def test_outside_of_a_group_everything_is_as_it_was():
    rows, loss = torch.arange(5), torch.tensor(0.3)
    for same in (
        _shares.take_share(rows),
        _shares.gathered(rows),
        _shares.summed(rows),
    ):
        assert same is rows
    assert _shares.for_backward(loss) is loss
    assert _shares.by_count(loss, 3) is loss
    assert _shares.of_batch(lambda n: n, 5) == 5
    assert _shares.n_counted(5) == _shares.n_of_batch(5) == _shares.agreed(5) == 5
    assert _shares.are_alike(5) and _shares.is_first() and not _shares.in_group()
    assert [_shares.any_of(flag) for flag in (True, False)] == [True, False]
