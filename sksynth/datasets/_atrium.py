"""Where the electrograms are seen from: atrium, electrodes, torso and their matrices.

The atrium is a cylinder of nodes around the origin, its axis upwards. Positions are
(x, y, z) in mm: to the left, to the back, upwards.
"""

import numpy as np

from ._tissue import add_halo, laplacian

SHAPE = (32, 64)  # nodes: rows upwards, columns around
SPACING = 1.5  # mm
RADIUS = SHAPE[1] * SPACING / (2 * np.pi)  # mm
ELECTRODE_HEIGHT = 2.0  # mm outside the tissue: more than SPACING, or the grid shows
# (intracellular / extracellular conductivity) * thickness * amplitude of the action
# potential / (4 pi): the strength of a node, for a stencil of nodes 1 apart; mV mm
SOURCE = 0.3 * 2.0 * 100.0 / (4 * np.pi)
TORSO_AXES = np.array([160.0, 110.0])  # half width and half depth, mm
TORSO_CENTRE = np.array([-20.0, 30.0, -50.0])  # the heart lies in front, to the left
TORSO_HEIGHT = 400.0  # mm
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


def on_cylinder(row, column, height=0.0):
    """Positions (..., 3) of rows and columns, `height` mm outside the tissue."""
    angle = 2 * np.pi * np.asarray(column) / SHAPE[1]
    radius = RADIUS + height
    z = (np.asarray(row) - (SHAPE[0] - 1) / 2) * SPACING
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=-1)


def node_positions():
    rows, columns = np.indices(SHAPE)
    return on_cylinder(rows.ravel(), columns.ravel())


def electrode_positions(n_electrodes):
    """Rings of electrodes, evenly spread: (n_electrodes, 3), row by row."""
    n_rings = min(n_electrodes, max(1, round(np.sqrt(n_electrodes / 2))))
    edges = np.linspace(0, n_electrodes, n_rings + 1).round().astype(int)
    rings = []
    for ring, n in enumerate(np.diff(edges)):
        row = (ring + 0.5) * SHAPE[0] / n_rings - 0.5
        columns = np.arange(n) * SHAPE[1] / n
        rings.append(on_cylinder(np.full(n, row), columns, ELECTRODE_HEIGHT))
    return np.concatenate(rings)


def lead_positions(n_leads):
    """Points spread over an elliptical torso: (n_leads, 3)."""
    rank = np.arange(n_leads)
    z = ((rank + 0.5) / n_leads - 0.5) * TORSO_HEIGHT
    angle = GOLDEN_ANGLE * rank
    around = np.stack([np.cos(angle), np.sin(angle)], axis=1) * TORSO_AXES
    return np.column_stack([around, z]) + TORSO_CENTRE


def distances(points, others):
    """Distance of each point to each other one, (n_points, n_others)."""
    return np.linalg.norm(points[:, None] - others, axis=2)


def unipolar_matrix(electrodes):
    """Matrix (n_electrodes, n_nodes) from u to unipolar electrograms in mV.

    The potential is SOURCE * sum over nodes of (lap u) / distance. The stencil is
    symmetric, so it is applied here once, to the distances, in the place of each u.
    """
    weights = SOURCE / distances(electrodes, node_positions())
    weights = weights.reshape(-1, *SHAPE).transpose(1, 2, 0)
    matrix = laplacian(add_halo(weights))[:, 1:-1]
    return matrix.transpose(2, 0, 1).reshape(len(electrodes), -1)


def forward_matrix(electrodes, leads):
    """Matrix A (n_leads, n_electrodes), referred to the mean torso potential.

    M weighs the electrodes of a lead by their inverse distance, with weights that sum
    to 1; A is M less its mean over the leads.
    """
    M = 1 / distances(leads, electrodes)
    M /= M.sum(axis=1, keepdims=True)
    return M - M.mean(axis=0)
