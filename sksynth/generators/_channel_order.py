"""An order of channels in which neighbours in space are neighbours in a row."""

import numpy as np
from sklearn.manifold import spectral_embedding


def check_channel_graph(graph, n_channels):
    """Positions (n_channels, n_axes) or adjacency (n_channels, n_channels), checked."""
    graph = np.asarray(graph, dtype=np.float64)
    if graph.ndim != 2 or len(graph) != n_channels or 0 in graph.shape:
        raise ValueError(
            "channel_graph must be positions (n_channels, n_axes) or an adjacency "
            f"(n_channels, n_channels) of the {n_channels} channels of X; got shape "
            f"{graph.shape}"
        )
    if not np.isfinite(graph).all():
        raise ValueError("channel_graph must be finite")
    if graph.shape == (n_channels, n_channels):
        if (graph < 0).any() or not np.allclose(graph, graph.T):
            raise ValueError(
                "a square channel_graph is an adjacency: symmetric, not negative"
            )
    return graph


def channel_order(graph):
    """Order of the channels along a tree of halves.

    The channels are halved across their widest extent, and each half again: the
    ``2 ** k`` channels that ``k`` convolutions of stride 2 see together are neighbours
    in space. An adjacency gets positions by its Laplacian eigenvectors.

    Parameters
    ----------
    graph : ndarray
        As from :func:`check_channel_graph`.

    Returns
    -------
    order : ndarray of int, shape (n_channels,)
        Channels in their order.
    """
    n = len(graph)
    if graph.shape == (n, n) and n > 3:
        graph = spectral_embedding(graph, n_components=2, random_state=0)
    return _halved(graph, np.arange(n))


def _halved(positions, members):
    if len(members) <= 2:
        return members
    own = positions[members]
    axis = np.ptp(own, axis=0).argmax()
    members = members[np.argsort(own[:, axis], kind="stable")]
    # a whole power of two first, so that the strides of a network do not straddle it
    first = 2 ** int(np.ceil(np.log2(len(members)) - 1))
    halves = members[:first], members[first:]
    return np.concatenate([_halved(positions, half) for half in halves])
