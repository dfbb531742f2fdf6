import pickle
import random
import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sksynth._random import RowNoise, as_rng, seeded


def global_states():
    """All of the global generators: numpy's key changes only every 624 numbers."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return pickle.dumps(
        [
            random.getstate(),
            np.random.get_state(),
            torch.get_rng_state().tolist(),
            [state.tolist() for state in cuda],
        ]
    )


def test_none_is_a_fresh_generator_and_never_numpys_global_one():
    before = global_states()
    first, second = as_rng(None), as_rng(None)
    assert first is not np.random.mtrand._rand
    assert (
        first.randint(2**31, size=4).tolist() != second.randint(2**31, size=4).tolist()
    )
    assert global_states() == before


def test_an_int_is_a_seed_and_an_instance_is_used_itself():
    numbers = np.random.RandomState(3).random_sample(5)
    np.testing.assert_array_equal(as_rng(3).random_sample(5), numbers)
    rng = np.random.RandomState(0)
    assert as_rng(rng) is rng
    with pytest.raises(ValueError, match="'seed' cannot be used to seed"):
        as_rng("seed")


def test_a_seeded_block_repeats_and_gives_the_global_state_back():
    before = global_states()
    draws = []
    for seed in (0, 0, 1):
        with seeded(np.random.RandomState(seed), "cpu"):
            draws.append(torch.randn(3))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert global_states() == before


def test_a_seeded_block_gives_the_state_back_after_an_error():
    before = global_states()
    with pytest.raises(RuntimeError, match="stop"):
        with seeded(np.random.RandomState(0), "cpu"):
            torch.randn(3)
            raise RuntimeError("stop")
    assert global_states() == before


@pytest.mark.gpu
def test_a_seeded_block_seeds_the_gpu_too_and_gives_its_state_back():
    before = global_states()
    draws = []
    for _ in range(2):
        with seeded(np.random.RandomState(0), torch.device("cuda")):
            draws.append(torch.randn(3, device="cuda"))
    assert torch.equal(*draws)
    assert global_states() == before


@given(
    n_few=st.integers(1, 200), more=st.integers(0, 200), seed=st.integers(0, 2**32 - 1)
)
def test_fewer_samples_have_the_beginning_of_the_seeds(n_few, more, seed):
    few, many = (RowNoise.seeds(seed, n) for n in (n_few, n_few + more))
    np.testing.assert_array_equal(few, many[: len(few)])
    assert few.shape == (-(-n_few // RowNoise.block_size), len(RowNoise.streams))


@given(
    start=st.integers(0, 150),
    size=st.integers(1, 150),
    shape=st.lists(st.integers(1, 4), max_size=2),
    stream=st.sampled_from(RowNoise.streams),
    draw=st.sampled_from(["normal", "uniform"]),
)
def test_a_row_does_not_depend_on_the_rows_drawn_with_it(
    start, size, shape, stream, draw
):
    everything = getattr(RowNoise(RowNoise.seeds(0, 300), slice(0, 300), stream), draw)(
        *shape
    )
    stop = start + size
    rows = RowNoise(RowNoise.seeds(0, stop), slice(start, stop), stream)
    part = getattr(rows, draw)(*shape)
    assert part.shape == (size, *shape)
    assert torch.equal(part, everything[start:stop])


def test_later_draws_of_a_row_do_not_depend_on_its_neighbours_either():
    few, many = (RowNoise(RowNoise.seeds(0, n), slice(0, n)) for n in (10, 130))
    for _ in range(3):  # a method of several steps
        assert torch.equal(few.normal(5), many.normal(5)[:10])


def test_streams_and_blocks_are_independent():
    n = 256
    draws = [
        RowNoise(RowNoise.seeds(0, n), slice(0, n), stream).normal(50)
        for stream in RowNoise.streams
    ]
    rows = torch.cat(draws).view(-1, 64 * 50)  # one row a stream and block
    correlation = torch.corrcoef(rows) - torch.eye(len(rows))
    assert correlation.abs().max() < 5 / (64 * 50) ** 0.5


def test_the_numbers_have_the_distributions_they_claim():
    n = 2000
    rows = RowNoise(RowNoise.seeds(0, n), slice(0, n))
    normal, uniform = rows.normal(20), rows.uniform(20)
    assert normal.mean().abs() < 0.02
    assert abs(normal.std() - 1) < 0.02
    assert 0 <= uniform.min() < 1e-3
    assert 1 - 1e-3 < uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.01
    assert abs(uniform.var() - 1 / 12) < 0.002


def test_a_draw_without_a_seed_is_new_each_time():
    seeds = [RowNoise.seeds(None, 100) for _ in range(2)]
    assert not np.array_equal(*seeds)
    rng = np.random.RandomState(0)
    assert not np.array_equal(RowNoise.seeds(rng, 100), RowNoise.seeds(rng, 100))


def test_drawing_leaves_the_global_states_alone():
    before = global_states()
    for random_state in (None, 0):
        seeds = RowNoise.seeds(random_state, 100)
        RowNoise(seeds, slice(0, 100)).normal(3)
        RowNoise(seeds, slice(0, 100), "label").uniform()
    assert global_states() == before


@pytest.mark.gpu
def test_a_seed_means_the_same_on_each_device():
    seeds = RowNoise.seeds(0, 100)
    on_gpu = RowNoise(seeds, slice(0, 100), device="cuda").normal(3)
    assert on_gpu.is_cuda
    assert torch.equal(on_gpu.cpu(), RowNoise(seeds, slice(0, 100)).normal(3))


def test_threads_take_turns_at_the_seeded_block():
    before, draws, barrier = global_states(), {}, threading.Barrier(4)

    def draw(seed):
        barrier.wait()
        with seeded(np.random.RandomState(seed), torch.device("cpu")):
            numbers = []
            for _ in range(5):
                numbers.append(torch.randn(3))
                time.sleep(0.002)  # lets another thread draw, if it may
        draws[seed] = torch.cat(numbers)

    threads = [threading.Thread(target=draw, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert global_states() == before
    for seed in range(4):
        with seeded(np.random.RandomState(seed), torch.device("cpu")):
            expected = torch.cat([torch.randn(3) for _ in range(5)])
        assert torch.equal(draws[seed], expected)


def test_a_seeded_block_may_hold_another():
    with seeded(np.random.RandomState(0), torch.device("cpu")):
        with seeded(np.random.RandomState(1), torch.device("cpu")):
            torch.randn(3)
        inside = torch.randn(3)
    with seeded(np.random.RandomState(0), torch.device("cpu")):
        assert torch.equal(torch.randn(3), inside)
