"""Fits of signals that are not in memory."""

import mmap
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

from sksynth import ConvVAE, DiffWave, MerGen
from sksynth._sources import RowSource
from sksynth.training import EarlyStopping
from tests.test_conventions import GENERATORS, TINY

RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, size=(70, 3, 40)).cumsum(axis=2).astype(np.float32)
Y = np.repeat(["af", "sinus"], [20, 50])


class Signals(Dataset):
    """Rows one by one, each in the form that ``form`` gives it."""

    def __init__(self, rows, form=torch.tensor):
        self.rows, self.form = rows, form

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, place):
        assert type(place) is int
        return self.form(self.rows[place])


@pytest.fixture
def mapped(tmp_path):
    """Function that puts an array into a memory map."""

    def put(array, mode="r"):
        np.save(tmp_path / "X.npy", array)
        return np.load(tmp_path / "X.npy", mmap_mode=mode)

    return put


def assert_same_fit(generator, source, array, y=Y):
    fitted = clone(generator).fit(source, y)
    expected = clone(generator).fit(array, y)
    weights = fitted.network_.state_dict()
    for name, weight in expected.network_.state_dict().items():
        np.testing.assert_array_equal(weights[name], weight, err_msg=name)
    assert fitted.history_ == expected.history_
    X_new = fitted.sample(3, random_state=0)
    np.testing.assert_array_equal(X_new, expected.sample(3, random_state=0))
    assert type(X_new) is np.ndarray


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda g: type(g).__name__)
def test_a_memory_map_gives_the_weights_of_the_array_to_the_bit(generator, mapped):
    generator = clone(generator).set_params(batch_size=16, precision="float32")
    assert_same_fit(generator, mapped(X), X)


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda g: type(g).__name__)
def test_a_data_set_gives_the_weights_of_the_array_to_the_bit(generator):
    generator = clone(generator).set_params(batch_size=16, precision="float32")
    assert_same_fit(generator, TensorDataset(torch.tensor(X)), X)


@pytest.mark.parametrize("scaler", ["standard", "maxabs", None])
@pytest.mark.parametrize(
    "y", [None, Y, np.arange(70) / 7], ids=["none", "two", "number"]
)
def test_all_scalers_and_targets_read_the_same_numbers(mapped, scaler, y):
    generator = clone(TINY).set_params(scaler=scaler)
    assert_same_fit(generator, mapped(X), X, y)


def test_held_out_rows_are_read_too(mapped):
    stop = EarlyStopping(validation_fraction=0.3, patience=1)
    generator = clone(TINY).set_params(callbacks=[stop], max_epochs=4)
    assert_same_fit(generator, mapped(X), X)


@pytest.mark.parametrize(
    "form",
    [
        lambda rows: rows[10:],
        lambda rows: rows[::2, 1:, ::3],
        lambda rows: rows.reshape(70, -1),
        lambda rows: np.asarray(rows)[:, 0],
    ],
    ids=["rows", "strided", "flat", "array"],
)
def test_a_view_of_a_memory_map_is_read_as_one(mapped, form):
    view = form(mapped(X))
    assert RowSource.of(view) is not None
    assert_same_fit(TINY, view, np.ascontiguousarray(form(X)), Y[: len(view)])


@pytest.mark.parametrize("dtype", ["float64", "float16", "int16", ">f4"])
def test_other_numbers_are_converted_as_those_of_an_array(mapped, dtype):
    rows = X.astype(dtype)
    assert_same_fit(TINY, mapped(rows), rows)


@pytest.mark.parametrize("mode", ["r+", "c"])
def test_what_was_written_to_a_map_is_not_lost(mapped, mode):
    rows = mapped(X, mode)
    rows[:5] = 7.0
    changed = X.copy()
    changed[:5] = 7.0
    assert_same_fit(TINY, rows, changed)
    np.testing.assert_array_equal(rows, changed)


def test_a_map_without_a_file_keeps_its_numbers():
    private = mmap.mmap(-1, X.nbytes, flags=mmap.MAP_PRIVATE)
    rows = np.ndarray(X.shape, np.float32, buffer=private)
    rows[:] = X
    assert RowSource.of(rows) is not None
    assert_same_fit(TINY, rows, X)
    np.testing.assert_array_equal(rows, X)


def test_a_read_only_map_can_be_read_after_a_fit(mapped):
    rows = mapped(X)
    clone(TINY).fit(rows)
    np.testing.assert_array_equal(rows, X)


@pytest.mark.parametrize(
    "form",
    [
        torch.tensor,
        np.array,
        np.ndarray.tolist,
        lambda row: (torch.tensor(row, requires_grad=True), 5),
        lambda row: (row, "af", {}),
    ],
    ids=["tensor", "array", "list", "pair", "triple"],
)
def test_items_of_a_data_set_may_be_arrays_or_begin_with_one(form):
    rows = X[:, 0] if form is np.ndarray.tolist else X
    expected = rows.astype(float) if form is np.ndarray.tolist else rows
    assert_same_fit(TINY, Signals(rows, form), expected)


def test_a_data_set_that_gives_several_items_at_once_is_asked_for_them():
    whole = TensorDataset(torch.tensor(X), torch.arange(70))
    places = list(range(69, -1, -1))
    assert_same_fit(TINY, Subset(whole, places), X[::-1])


class NoLength(Dataset):
    def __getitem__(self, place):
        return X[place]


class Stream(IterableDataset):
    def __iter__(self):
        return iter(X)


@pytest.mark.parametrize(
    ("dataset", "error", "message"),
    [
        (Stream(), TypeError, "map-style.*got Stream"),
        (NoLength(), TypeError, "map-style.*got NoLength"),
        (Signals([]), ValueError, "Signals has no rows"),
        (Signals([X[0], X[1, :2]]), ValueError, r"row 1 .* shape \(2, 40\); row 0 has"),
        (Signals(X, lambda row: {"x": row}), TypeError, "row 0 is a dict"),
        (Signals(X, lambda row: "beat"), TypeError, "row 0 is a str: beat"),
        (Signals(X, lambda row: 3.0), TypeError, "row 0 is a float"),
        (Signals(X, lambda row: (None, row)), TypeError, "row 0 is a tuple"),
        (Signals(X[None]), TypeError, "row 0 is a Tensor"),
    ],
)
def test_a_data_set_of_something_else_is_refused(dataset, error, message):
    generator = clone(TINY)
    with pytest.raises(error, match=message):
        generator.fit(dataset)
    assert not hasattr(generator, "input_shape_")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused_with_their_rows(mapped, value):
    rows = np.zeros((3000, 3, 400), np.float32)
    rows[2900, 1, 7] = value
    for source in (mapped(rows), Signals(rows)):
        with pytest.raises(ValueError, match="rows 2619 to 2999 of X: .*(NaN|inf)"):
            clone(TINY).fit(source)


@pytest.mark.parametrize("shape", [(70,), (7, 2, 3, 4), (0, 8), (5, 0)])
def test_maps_of_other_shapes_are_refused_as_arrays_are(tmp_path, shape):
    array = np.zeros(shape, np.float32)
    size = max(1, array.size)
    np.memmap(tmp_path / "X", np.float32, "w+", shape=(size,)).flush()
    rows = np.memmap(tmp_path / "X", np.float32, "r", shape=(size,))
    with pytest.raises(ValueError):
        clone(TINY).fit(rows[: array.size].reshape(shape))


def test_the_targets_must_be_as_many_as_the_rows(mapped):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clone(TINY).fit(mapped(X), Y[:-1])


def test_leads_and_channel_graphs_are_applied_to_the_rows_read(mapped):
    leads = X.copy()
    leads[:, 2] = leads[:, 1] - leads[:, 0]
    small = {"max_epochs": 1, "random_state": 0, "precision": "float32"}
    diffusion = DiffWave(
        lead_names=["I", "II", "III"], n_layers=1, width=4, n_steps=2, **small
    )
    assert_same_fit(diffusion, mapped(leads), leads)
    vae = ConvVAE(channel_graph=[[0], [2], [1]], latent_dim=2, width=2, **small)
    fitted, expected = clone(vae).fit(mapped(X)), clone(vae).fit(X)
    np.testing.assert_allclose(
        fitted.sample(3, random_state=0), expected.sample(3, random_state=0), rtol=1e-4
    )


def test_a_generator_that_needs_all_rows_gets_them_as_an_array(mapped):
    assert not MerGen._fits_from_source
    array = MerGen()._check_to_fit(mapped(X))
    assert type(array) is np.ndarray
    np.testing.assert_array_equal(array, X)


@pytest.mark.gpu
@pytest.mark.parametrize("generator", GENERATORS, ids=lambda g: type(g).__name__)
def test_rows_are_read_for_a_gpu(mapped, generator):
    generator = clone(generator).set_params(device="cuda", precision="float32")
    fitted = clone(generator).fit(mapped(X), Y)
    assert next(fitted.network_.parameters()).is_cuda
    expected = clone(generator).fit(X, Y).sample(3, random_state=0)
    X_new = fitted.sample(3, random_state=0)
    np.testing.assert_allclose(X_new, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.gpu
def test_a_part_of_a_draw_is_the_same_on_a_gpu(mapped):
    generator = clone(TINY).set_params(device="cuda").fit(X, Y)
    whole = generator.sample(200, random_state=0)
    parts = [
        block
        for start, stop in ((0, 70), (70, 200))
        for block in generator.iter_samples(200, random_state=0, start=start, stop=stop)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


SCRIPT = """
import sys
import numpy as np
from sksynth import VAE
from sksynth.training import EarlyStopping

def peak():
    with open("/proc/self/status") as lines:
        return next(int(x.split()[1]) for x in lines if x.startswith("VmHWM")) / 1024

X = np.memmap(sys.argv[1], np.float32, "r").reshape(-1, 2000)
small = {"latent_dim": 2, "hidden_dim": 8, "n_layers": 1, "rows": "signals"}
stop = EarlyStopping(monitor="valid_loss")
vae = VAE(**small, callbacks=[stop], max_epochs=1, batch_size=1000, random_state=0)
vae.fit(X[:1500])
before = peak()
vae.fit(X)
print(before, peak())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_fit_of_400_mb_takes_less_than_150_mb(tmp_path):
    block = np.random.default_rng(0).normal(size=(1000, 2000)).astype(np.float32)
    with open(tmp_path / "X", "wb") as file:
        for _ in range(50):
            block.tofile(file)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "X")]
    before, after = map(float, subprocess.check_output(command).split())
    assert after - before < 150
