"""Several times as one position: shorter sequences of more channels."""


def to_patches(x, size):
    """(batch, n_channels, n_times) -> (batch, n_channels * size, n_times / size)."""
    if size == 1:
        return x
    return x.unflatten(2, (-1, size)).transpose(2, 3).flatten(1, 2)


def from_patches(x, size):
    """The inverse of :func:`to_patches`."""
    if size == 1:
        return x
    return x.unflatten(1, (-1, size)).transpose(2, 3).flatten(2)
