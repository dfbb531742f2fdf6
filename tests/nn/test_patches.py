import torch
from hypothesis import given
from hypothesis import strategies as st

from sksynth.nn.patches import from_patches, to_patches

sizes = st.integers(1, 5)


@given(batch=sizes, n_channels=sizes, n_patches=sizes, size=sizes)
def test_from_patches_is_the_inverse_of_to_patches(batch, n_channels, n_patches, size):
    x = torch.randn(batch, n_channels, n_patches * size)
    patches = to_patches(x, size)
    assert patches.shape == (batch, n_channels * size, n_patches)
    assert torch.equal(from_patches(patches, size), x)
    y = torch.randn(patches.shape)
    assert torch.equal(to_patches(from_patches(y, size), size), y)


def test_a_patch_holds_neighbouring_times_of_each_channel_in_turn():
    x = torch.tensor([[[0, 1, 2, 3, 4, 5], [10, 11, 12, 13, 14, 15]]])
    expected = [[0, 3], [1, 4], [2, 5], [10, 13], [11, 14], [12, 15]]
    assert to_patches(x, 3)[0].tolist() == expected
    assert to_patches(x, 1).tolist() == x.tolist()
