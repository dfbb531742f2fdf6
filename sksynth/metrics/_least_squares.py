"""Least squares of many spectra at once: sums of Gaussians on a baseline."""

import numpy as np

_STEPS = 60
_TOLERANCE = 1e-9  # relative fall of the cost that ends a row's search


def bounded(u, low, high):
    """Number between low and high, and its derivative, of an unbounded one."""
    half = (high - low) / 2
    turn = np.tanh(u)
    return low + half * (1 + turn), half * (1 - turn**2)


def unbounded(value, low, high):
    """Inverse of `bounded`."""
    return np.arctanh(2 * (value - low) / (high - low) - 1)


def fit(model, start, target, weight):
    """Levenberg-Marquardt on all rows: parameters (n, k) with the least cost.

    ``model(parameters)`` gives values (n, m) and their Jacobian (n, m, k); `target` is
    (n, m), `weight` (m,) multiplies the residuals.
    """
    parameters = start.copy()
    n, k = start.shape
    damping = np.full(n, 1e-2)
    running = np.arange(n)
    values, jacobian = model(parameters)
    residual = (target - values) * weight
    cost = (residual**2).sum(axis=1)
    for _ in range(_STEPS):
        J = jacobian * weight[:, None]
        gradient = np.einsum("nmk,nm->nk", J, residual)
        normal = np.einsum("nmk,nml->nkl", J, J)
        diagonal = np.einsum("nkk->nk", normal)
        scale = diagonal + 1e-12 * diagonal.max(axis=1, keepdims=True) + 1e-300
        damped = normal + np.eye(k) * (damping[running, None] * scale)[:, None]
        step = np.linalg.solve(damped, gradient[..., None])[..., 0]
        trial = parameters[running] + step
        new_values, new_jacobian = model(trial)
        new_residual = (target[running] - new_values) * weight
        new_cost = (new_residual**2).sum(axis=1)
        better = new_cost <= cost
        small = cost - new_cost <= _TOLERANCE * cost
        damping[running] *= np.where(better, 0.2, 5)
        parameters[running[better]] = trial[better]
        jacobian = np.where(better[:, None, None], new_jacobian, jacobian)
        residual = np.where(better[:, None], new_residual, residual)
        cost = np.where(better, new_cost, cost)
        going = ~((better & small) | (damping[running] > 1e12))
        running, cost = running[going], cost[going]
        jacobian, residual = jacobian[going], residual[going]
        if not len(running):
            break
    return parameters
