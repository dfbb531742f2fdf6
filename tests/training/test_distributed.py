import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from sksynth.training import distributed
from tests.training import processes

TOGETHER = ["no seed", "dropout", "tensors", "data set", "stopped"]
TRAINED = processes.estimators()


@pytest.fixture(scope="module")
def launched(tmp_path_factory):
    """What two processes left behind, and how they ended."""
    folder = tmp_path_factory.mktemp("distributed")
    launcher = [sys.executable, "-m", "torch.distributed.run"]
    launcher += ["--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launcher, processes.__file__, str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    left = []
    for rank in (0, 1):
        path = folder / f"{rank}.pickle"
        assert path.exists(), done.stderr
        with open(path, "rb") as file:
            left.append(pickle.load(file))
    return left, done


@pytest.fixture(scope="module")
def ranks(launched):
    return [found for found, *_ in launched[0]]


@pytest.mark.parametrize("name", TRAINED)
def test_losses_are_those_of_one_process(ranks, name):
    alone, _ = processes.outcome(TRAINED[name].fit(processes.X, processes.Y))
    losses, _ = ranks[0][name]
    assert losses.keys() == alone.keys()
    for curve, values in alone.items():
        assert len(losses[curve]) == len(values)
        np.testing.assert_allclose(losses[curve], values, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [*TRAINED, *TOGETHER])
def test_all_processes_have_the_same_model(ranks, name):
    (losses, weights), (other_losses, other_weights) = (found[name] for found in ranks)
    assert losses == other_losses
    assert weights.keys() == other_weights.keys()
    for key, value in weights.items():
        assert np.array_equal(value, other_weights[key]), key


def test_dropout_does_not_put_the_processes_out_of_step(launched):
    first, second = (rows for *_, rows in launched[0])
    for own, other in zip(first, second, strict=True):
        seen = {*own, *other}
        assert len(seen) == 45
        assert len(own) + len(other) == 46  # the last batch of one row is no one's own


def test_a_wrapped_module_keeps_the_names_of_its_weights(ranks):
    state = TRAINED["VAE"].fit(processes.X, processes.Y).network_.state_dict()
    assert list(ranks[0]["VAE"][1]) == list(state)


def test_training_stops_early_in_all_processes(ranks):
    assert len(ranks[0]["VAE that stops early"][0]["train_loss"]) < 30


def test_a_callback_that_stops_one_process_stops_all(ranks):
    assert [len(found["stopped"][0]["train_loss"]) for found in ranks] == [1, 1]


def test_one_process_prints(launched):
    output = launched[1].stdout
    assert [output.count(f"epoch {i}/4") for i in range(1, 5)] == [1] * 4


@pytest.mark.parametrize(
    "name, message",
    [
        ("again", "RuntimeError: distributed() was entered in a process that has"),
        ("data", "RuntimeError: inside distributed(), all processes need the same X"),
        ("compile", "ValueError: compile=True cannot be used inside distributed()"),
        ("memory", "ValueError: memory='unused' cannot be used inside distributed()"),
        ("settings", "RuntimeError: the processes train with different settings"),
    ],
)
def test_what_cannot_be_done_together_is_refused_in_all(launched, name, message):
    for _, messages, _ in launched[0]:
        assert messages[name].startswith(message)


def test_an_error_in_one_process_ends_all(launched):
    done = launched[1]
    assert done.returncode != 0
    assert "OSError: disk full" in done.stderr


def test_without_torchrun_it_is_an_error(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match="environment of torchrun; RANK"):
        with distributed():
            pytest.fail("the block must not run")
