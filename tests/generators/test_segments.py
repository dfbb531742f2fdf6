import numpy as np
import pytest
import torch
from torch import nn

from sksynth.generators._segments import SegmentWriter, segments_of


class Front:
    """A spectrogram is in decades already."""

    @staticmethod
    def inverse(z):
        return z

    standard = inverse


class Tokens(nn.Module):
    """Decodes a top token as four frames of its number, the others as nothing."""

    front = Front

    @staticmethod
    def decode(tokens):
        return tokens[0].float()[:, None].repeat_interleave(4, dim=2)


class Counting(nn.Module):
    """Writes the next number after the last known one, or from the first feature."""

    def __init__(self, places):
        super().__init__()
        self.places, self.calls = places, []

    def decode(self, context, uniform, *, known=None, top_p):
        assert top_p == 0.5
        assert len(uniform) == len(context)
        self.calls.append((context.clone(), uniform, known))
        n = uniform.shape[1]
        if known is None or known.shape[1] == 0:
            start = context[:, :1].flatten(1)[:, :1].long()
            return start + torch.arange(n)
        more = known[:, -1:] + 1 + torch.arange(n - known.shape[1])
        return torch.cat([known, more], dim=1)

    @staticmethod
    def split(low):
        return low, low


def writer(n_steps=14):
    network = {"top": Counting(1), "bottom": Counting(6), "vqvae": Tokens()}
    return SegmentWriter(network, n_steps, top_p=0.5), network


def uniform(n):
    return torch.rand(2, n)


def features(n_windows):
    return torch.arange(n_windows, dtype=torch.float32)[None, :, None].repeat(2, 1, 3)


@pytest.mark.parametrize("joining", ["continue", "parallel"])
@pytest.mark.parametrize("n_steps", [1, 2, 3, 14, 70])
def test_segments_cover_all_windows_and_none_is_left_out(n_steps, joining):
    for n_windows in (1, n_steps, n_steps + 1, 5 * n_steps + 3):
        starts, known = segments_of(n_windows, n_steps, joining)
        assert starts[0] == known[0] == 0
        assert starts[-1] + n_steps >= n_windows
        assert len(starts) == 1 or starts[-2] + n_steps < n_windows
        for before, start, n in zip(starts, starts[1:], known[1:], strict=False):
            assert start == before + n_steps - n
            assert n < n_steps


def test_segments_that_go_on_have_no_rate_of_their_own():
    starts, known = segments_of(7_000, 70, "continue")
    assert min(known[1:]) >= 10 and max(known) <= 35
    assert len(set(known[1:])) > 20
    period = 60  # of "parallel"
    phase = np.exp(2j * np.pi * np.array(starts) / period).mean()
    assert abs(phase) < 0.1
    starts, known = segments_of(7_000, 70, "parallel")
    assert set(known[1:]) == {10} and set(np.diff(starts)) == {period}


@pytest.mark.parametrize("n_windows", [1, 14, 15, 26, 27, 40])
def test_segments_that_go_on_count_without_a_gap(n_windows):
    write, network = writer()
    found = write.write(features(n_windows), uniform, "continue")
    assert found.shape == (2, 1, 4 * n_windows)
    np.testing.assert_array_equal(found[0, 0, ::4], np.arange(n_windows))
    calls = network["top"].calls
    starts, sizes = segments_of(n_windows, 14, "continue")
    for (context, _, known), start, n in zip(calls, starts, sizes, strict=True):
        columns = np.arange(start, start + 14).clip(max=n_windows - 1)
        np.testing.assert_array_equal(context[0, :, 0], columns)
        if start:  # the condition columns of the known tokens belong to them
            np.testing.assert_array_equal(known[0], np.arange(start, start + n))
    for (context, _, known), n in zip(
        network["bottom"].calls[1:], sizes[1:], strict=True
    ):
        assert known.shape == (2, 6 * n)
        assert context.shape == (2, 14)


def test_parallel_segments_all_start_with_the_first_tokens_of_the_first():
    write, network = writer()
    found = write.write(features(38), uniform, "parallel")
    assert found.shape == (2, 1, 152)
    for name, n in (("top", 2), ("bottom", 12)):
        first, *others = network[name].calls
        assert first[2] is None
        assert len(others) == 2
        for _, _, known in others:
            np.testing.assert_array_equal(known[0], np.arange(n))
    # each goes on after the primer of two windows, 0 and 1, up to window 13
    # (the last two are cross-faded with the primer of the next)
    np.testing.assert_array_equal(found[0, 0, ::4][14:24], np.arange(2, 12))
    np.testing.assert_array_equal(found[0, 0, ::4][26:], np.arange(2, 14))


def test_cross_faded_frames_keep_the_power_of_equal_segments():
    write, _ = writer()
    before, after = torch.full((1, 3, 20), 0.7), torch.full((1, 3, 12), 0.7)
    joined = write._cross_fade(before, after, 8)
    assert joined.shape == (1, 3, 24)
    torch.testing.assert_close(joined, torch.full((1, 3, 24), 0.7))
    loud = write._cross_fade(before, after + 1, 8)[0, 0]
    assert (loud.diff() >= 0).all()
    assert loud[11] == pytest.approx(0.7)
    assert loud[20] == pytest.approx(1.7)


@pytest.mark.parametrize(("n_steps", "n_primer"), [(1, 0), (2, 1), (3, 1), (70, 10)])
def test_a_parallel_segment_has_a_seventh_or_one_in_common_with_the_first(
    n_steps, n_primer
):
    write, network = writer(n_steps)
    found = write.write(features(2 * n_steps + 1), uniform, "parallel")
    assert found.shape == (2, 1, 4 * (2 * n_steps + 1))
    calls = network["top"].calls
    assert len(calls) > 2
    assert {0 if k is None else k.shape[1] for _, _, k in calls} == {0, n_primer}
